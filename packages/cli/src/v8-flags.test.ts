import {execFileSync} from 'node:child_process';
import {expect, test} from 'vitest';
import {V8_FLAGS} from './v8-flags.ts';

test('this Node.js knows them', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], {encoding: 'utf8'});
  for (const flag of V8_FLAGS) {
    const [name] = flag.replace(/^--no-/, '--').split('=');
    expect(known).toContain(`  ${name} (`);
  }
});
