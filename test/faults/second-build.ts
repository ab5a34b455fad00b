// A second build of the program beside this one, for what happens while a cluster has both.

import {cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export function programOf(build: string): string {
  return path.join(build, 'packages/cli/src/main.ts');
}

/** @param fill  puts package.json and packages into the directory; the modules are those installed here */
export function makeBuild(fill: (directory: string) => void): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-build-'));
  fill(directory);
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(directory, 'node_modules'));
  for (const name of readdirSync(path.join(directory, 'packages'))) {
    const modules = path.join('packages', name, 'node_modules');
    const from = path.join(ROOT, modules);
    if (!existsSync(from)) continue;
    mkdirSync(path.join(directory, modules), {recursive: true});
    // Links among the packages are relative: there they lead to those of that build.
    cpSync(from, path.join(directory, modules), {recursive: true, verbatimSymlinks: true});
  }
  return directory;
}
