import {mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {compiledOf, removeOldCompiled} from './compile-cache.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-compiled-'));
});
afterEach(() => rmSync(directory, {recursive: true}));

/** As Node.js lays it out. */
function compiled(version: string, program: string, node: string): string {
  const made = path.join(compiledOf(directory, version, program), node);
  mkdirSync(made, {recursive: true});
  writeFileSync(path.join(made, 'a1b2c3'), 'code');
  return made;
}

const left = () =>
  (readdirSync(directory, {recursive: true}) as string[]).filter((name) => name.endsWith('a1b2c3'));

it('keeps what the running program of the running Node.js made, and nothing else', async () => {
  const inUse = compiled('2.0.0', '/opt/flotilla', 'v24.21.0');
  compiled('1.0.0', '/opt/flotilla', 'v24.21.0');
  compiled('2.0.0', '/home/me/flotilla', 'v24.21.0');
  compiled('2.0.0', '/opt/flotilla', 'v24.20.0');
  // Of a build that had no directory for each version.
  mkdirSync(path.join(directory, 'compile-cache/v24.21.0'));
  expect(left().length).toBe(4);
  await removeOldCompiled(directory, inUse);
  expect(left()).toEqual([path.relative(directory, path.join(inUse, 'a1b2c3'))]);
  expect(readdirSync(path.join(directory, 'compile-cache')).length).toBe(1);
});

it('touches nothing where the cache is elsewhere, or there is none', async () => {
  compiled('1.0.0', '/opt/flotilla', 'v24.21.0');
  await removeOldCompiled(directory, path.join(directory, 'elsewhere/v24.21.0'));
  await removeOldCompiled(directory, undefined);
  expect(left().length).toBe(1);
});
