// What a machine that cannot run Flotilla is told, before anything is installed.

import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');

/** Runs an entry of the clone where `object.name` of the process reads `value`. */
function runWith(entry: string, [object, name, value]: readonly [string, string, string]) {
  const lie = `Object.defineProperty(${object}, '${name}', {value: '${value}'})`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(lie)}`, entry, 'start'];
  return spawnSync(process.execPath, args, {cwd: ROOT, encoding: 'utf8'});
}

describe.each(['bootstrap.mjs', 'flotilla'])('%s', (entry) => {
  test.each([
    [
      ['process', 'platform', 'win32'],
      /^flotilla: win32-\w+ is not supported; it runs on linux-x64/,
    ],
    [['process', 'arch', 'riscv64'], /^flotilla: \w+-riscv64 is not supported/],
    [['process.versions', 'node', '18.20.8'], /^flotilla: Node\.js 18\.20\.8 is too old; .* 20 /],
  ] as const)('refuses %j by name', (lie, message) => {
    const {status, stderr, stdout} = runWith(entry, lie);
    expect(stderr).toMatch(message);
    expect({status, stdout}).toEqual({status: 1, stdout: ''});
  });
});

test('the entry of npm start is read by a Node that is too old, so that it can be refused', () => {
  for (const file of ['bootstrap.mjs', 'tools/install.mjs', 'tools/run-node.mjs']) {
    const text = readFileSync(path.join(ROOT, file), 'utf8');
    expect(text.match(/\?\?|\?\.\w|Object\.hasOwn|\.at\(/g), file).toBeNull();
  }
});
