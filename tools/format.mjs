// `npm run format`: writes what the formatter and the safe lint fixes would change.
import {spawnSync} from 'node:child_process';
import path from 'node:path';
import {ROOT} from './install.mjs';

const biome = path.join(ROOT, 'node_modules/.bin/biome');
process.exit(spawnSync(biome, ['check', '--write'], {cwd: ROOT, stdio: 'inherit'}).status ?? 1);
