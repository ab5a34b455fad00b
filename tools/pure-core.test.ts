// The lint that keeps clocks, chance and promises out of the consensus core is itself checked: each
// forbidden thing planted there goes red, and only there.

import {spawnSync} from 'node:child_process';
import {cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');

const FORBIDDEN: readonly (readonly [what: string, text: string])[] = [
  ['the clock', 'export const at = Date.now();'],
  ['a date', 'export const at = new Date();'],
  ['the other clock', 'export const at = performance.now();'],
  ['chance', 'export const drawn = Math.random();'],
  ['chance by another name', 'const {random} = Math;\nexport const drawn = random();'],
  ['strong chance', 'export const drawn = crypto.randomUUID();'],
  ['any of these, roundabout', 'export const at = globalThis.Date.now();'],
  ['a timer', 'setTimeout(() => undefined, 1);'],
  ['a repeated timer', 'setInterval(() => undefined, 1);'],
  ['a turn of the loop', 'setImmediate(() => undefined);'],
  ['a microtask', 'queueMicrotask(() => undefined);'],
  ['a promise', 'export const later = Promise.resolve(1);'],
  ['an async function', 'export async function later() {}'],
  ['an async arrow', 'export const later = async () => 1;'],
  ['an async method', 'export class A {\n  async later() {}\n}'],
  [
    'an async method that replaces one',
    'export class A extends B {\n  override async later() {}\n}',
  ],
  ['an async member', 'export const a = {async later() {}};'],
  ['an import that comes later', "export const later = import('./plain.ts');"],
  ['waiting', 'await 1;\nexport {};'],
];

let fixture = '';
/** Files of the fixture, each with the rules that it breaks. */
const broken = new Map<string, string[]>();

function plant(file: string, text: string): void {
  mkdirSync(path.dirname(path.join(fixture, file)), {recursive: true});
  writeFileSync(path.join(fixture, file), `${text}\n`);
}

beforeAll(() => {
  fixture = mkdtempSync(path.join(tmpdir(), 'flotilla-pure-'));
  const config = JSON.parse(readFileSync(path.join(ROOT, 'biome.json'), 'utf8'));
  delete config.$schema;
  delete config.vcs;
  plant('biome.json', JSON.stringify(config));
  cpSync(path.join(ROOT, 'tools/pure-core.grit'), path.join(fixture, 'tools/pure-core.grit'), {
    recursive: true,
  });
  for (const [at, [, text]] of FORBIDDEN.entries()) {
    plant(`packages/raft/src/planted-${at}.ts`, text);
    plant(`packages/cli/src/planted-${at}.ts`, text);
  }
  plant('packages/raft/src/plain.ts', 'export const asynchronous = 1;');
  const bin = path.join(ROOT, 'node_modules/.bin/biome');
  const args = ['lint', '--reporter=json', '--max-diagnostics=none', 'packages'];
  const {stdout} = spawnSync(bin, args, {cwd: fixture, encoding: 'utf8'});
  const {diagnostics} = JSON.parse(stdout) as {
    diagnostics: {category: string; location: {path: string}}[];
  };
  for (const {category, location} of diagnostics) {
    broken.set(location.path, [...(broken.get(location.path) ?? []), category]);
  }
});

afterAll(() => rmSync(fixture, {recursive: true, force: true}));

const PURE = /^plugin$|noRestrictedGlobals/;
const rulesOf = (file: string) => (broken.get(file) ?? []).filter((rule) => PURE.test(rule));

test.each(FORBIDDEN.map(([what], at) => [what, at] as const))(
  '%s goes red in the core',
  (_, at) => {
    expect(rulesOf(`packages/raft/src/planted-${at}.ts`)).not.toEqual([]);
    expect(rulesOf(`packages/cli/src/planted-${at}.ts`)).toEqual([]);
  },
);

test('what is plain passes there', () => {
  expect(rulesOf('packages/raft/src/plain.ts')).toEqual([]);
});
