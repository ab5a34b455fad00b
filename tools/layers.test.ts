// The layer check itself is checked: each rule goes red on a planted import, and the whole tree is
// really read (the tool has been seen to read nothing and report no violation).

import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');
const CONFIG = path.join(ROOT, '.dependency-cruiser.cjs');
const PACKAGES = readdirSync(path.join(ROOT, 'packages'));

interface CruiseResult {
  readonly modules: {readonly source: string}[];
  readonly summary: {
    readonly violations: {readonly from: string; readonly rule: {readonly name: string}}[];
  };
}

function cruise(directory: string, targets: string[]): CruiseResult {
  const args = ['--config', CONFIG, '--output-type', 'json', ...targets];
  const bin = path.join(ROOT, 'node_modules/.bin/depcruise');
  const {stdout} = spawnSync(bin, args, {cwd: directory, encoding: 'utf8', maxBuffer: 1 << 28});
  return JSON.parse(stdout) as CruiseResult;
}

/** By what each does: a file, what stands in it, and the rule that it breaks. */
const PLANTED: Readonly<Record<string, readonly [file: string, text: string, rule: string]>> = {
  'a value import upwards': [
    'packages/raft/src/upwards.ts',
    "import {thing} from '@flotilla/storage';\nexport const y = thing;\n",
    'layer-raft',
  ],
  'a type import upwards': [
    'packages/column/src/type-upwards.ts',
    "import type {Thing} from '@flotilla/query';\nexport type Y = Thing;\n",
    'layer-column',
  ],
  'an import of a sibling': [
    'packages/storage/src/sibling.ts',
    "import {thing} from '@flotilla/multiraft';\nexport const y = thing;\n",
    'layer-storage',
  ],
  'a disk below the server': [
    'packages/storage/src/disk.ts',
    "import fs from 'node:fs';\nexport const y = fs;\n",
    'no-effects-below-server',
  ],
  'a way into the inside': [
    'packages/replica/src/inside-way.ts',
    "import {deep} from '../../storage/src/inside/deep.ts';\nexport const y = deep;\n",
    'through-the-door',
  ],
  'the testkit in the product': [
    'packages/server/src/testkit-use.ts',
    "import {thing} from '@flotilla/testkit';\nexport const y = thing;\n",
    'testkit-only-in-tests',
  ],
  'the server in any other command': [
    'packages/cli/src/server-use.ts',
    "import {thing} from '@flotilla/server';\nexport const y = thing;\n",
    'cli-loads-server-lazily',
  ],
  'a cycle': [
    'packages/base/src/cycle.ts',
    "import {thing} from './index.ts';\nimport './cycle.ts';\nexport const y = thing;\n",
    'no-cycles',
  ],
};

let fixture = '';
/** By file. */
const broken = new Map<string, string[]>();

beforeAll(() => {
  fixture = mkdtempSync(path.join(tmpdir(), 'flotilla-layers-'));
  mkdirSync(path.join(fixture, 'node_modules/@flotilla'), {recursive: true});
  writeFileSync(path.join(fixture, 'tsconfig.json'), '{"compilerOptions": {"module": "nodenext"}}');
  for (const name of PACKAGES) {
    const directory = path.join(fixture, 'packages', name);
    mkdirSync(path.join(directory, 'src/inside'), {recursive: true});
    const manifest = {name: `@flotilla/${name}`, type: 'module', exports: {'.': './src/index.ts'}};
    writeFileSync(path.join(directory, 'package.json'), JSON.stringify(manifest));
    writeFileSync(
      path.join(directory, 'src/index.ts'),
      'export interface Thing {a: number}\nexport const thing = 1;\n',
    );
    writeFileSync(path.join(directory, 'src/inside/deep.ts'), 'export const deep = 1;\n');
    symlinkSync(directory, path.join(fixture, 'node_modules/@flotilla', name));
  }
  for (const [file, text] of Object.values(PLANTED)) writeFileSync(path.join(fixture, file), text);
  // All at once: nothing that is planted is imported by anything else, so each breaks its own rule.
  for (const {from, rule} of cruise(fixture, ['packages']).summary.violations)
    broken.set(from, [...(broken.get(from) ?? []), rule.name]);
}, 60_000);

afterAll(() => rmSync(fixture, {recursive: true, force: true}));

test('what is not planted breaks no rule', () => {
  const planted = Object.values(PLANTED).map(([file]) => file);
  expect([...broken.keys()].filter((file) => !planted.includes(file))).toEqual([]);
});

test.each(Object.entries(PLANTED))('%s goes red', (_what, [file, _text, rule]) => {
  expect(broken.get(file)).toContain(rule);
});

test('every source file is cruised', () => {
  const {modules} = cruise(ROOT, ['packages']);
  const cruised = new Set(modules.map(({source}) => source));
  const {stdout} = spawnSync('git', ['ls-files', 'packages/*.ts'], {cwd: ROOT, encoding: 'utf8'});
  const missing = stdout
    .split('\n')
    .filter((file) => file !== '' && !file.includes('/generated/') && !cruised.has(file));
  expect(missing).toEqual([]);
}, 120_000);
