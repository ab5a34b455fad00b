// A second build of the program beside this one, for what happens while a cluster has both. Builds before this one
// are taken out of the history; a tarball has none.

import {execFileSync} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {FlotillaClient} from '@flotilla/client';
import type {ProcessNode} from '@flotilla/testkit';
import {until} from '../cluster/waiting.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');

/**
 * The build that was landed before this one: nodes that are upgraded to this one run it. Named here alone, by its
 * commit on main; whoever lands the next state as a whole moves it on to the one before.
 */
export const PREVIOUS_LANDED = 'a21eca5';

export function programOf(build: string): string {
  return path.join(build, 'packages/cli/src/main.ts');
}

export function isInHistory(commit: string): boolean {
  try {
    execFileSync('git', ['-C', ROOT, 'cat-file', '-e', `${commit}^{commit}`], {stdio: 'ignore'});
    return true;
  } catch {
    return false;
  }
}

/** Requires a commit of the history. */
export function makeBuildOf(commit: string): string {
  return makeBuild((directory) => {
    const files = ['package.json', 'packages'];
    const archive = execFileSync('git', ['-C', ROOT, 'archive', commit, ...files], {
      maxBuffer: 2 ** 30,
    });
    execFileSync('tar', ['-x', '-C', directory], {input: archive});
  });
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

/** Stops a node, and starts it with that program; resolves once it is back in the cluster. */
export async function restartWith(
  program: string,
  node: ProcessNode,
  client: FlotillaClient,
): Promise<void> {
  // On a busy machine it cuts its own stop off; a node that is killed may be upgraded as well.
  node.signal('SIGTERM');
  await node.exited();
  node.program = program;
  node.start();
  await node.ready();
  await until('it is reached by all', async () => {
    const nodes = await client.admin.nodes();
    return nodes.every((one) => one['isReachable'] === true);
  });
}
