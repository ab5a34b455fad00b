// Writes docs/raft.md from tools/raft-docs. Run by `npm run raft-docs`; tools/raft-docs.test.ts fails
// when the page differs, or names a scenario or a test that does not exist.

import {readFileSync, writeFileSync} from 'node:fs';
import {PAGE, renderPage, WORDS} from './raft-docs/page.ts';

writeFileSync(PAGE, renderPage(readFileSync(WORDS, 'utf8')));
process.stdout.write('docs/raft.md is up to date with tools/raft-docs\n');
