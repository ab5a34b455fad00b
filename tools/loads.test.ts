// What a node loads at its start, thread by thread: the main thread no storage, no queries, and an engine thread
// nothing of sockets. Half of a start is the loading of modules, and one import is enough to bring a room in whole.

import {spawnSync} from 'node:child_process';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {expect, test} from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');

/** Of the module and all that it loads in turn. */
function loadsOf(file: string): string[] {
  const entry = pathToFileURL(path.join(ROOT, file)).href;
  const script = `
    import {registerHooks} from 'node:module';
    const urls = [];
    registerHooks({load: (url, context, next) => (urls.push(url), next(url, context))});
    await import('${entry}');
    process.stdout.write(JSON.stringify(urls));
    process.exit();`;
  const args = ['--input-type=module', '--eval', script];
  const {stdout, stderr} = spawnSync(process.execPath, args, {cwd: ROOT, encoding: 'utf8'});
  expect(stderr).toBe('');
  const urls = (JSON.parse(stdout) as string[]).filter((url) => url.startsWith('file:'));
  expect(urls.length).toBeGreaterThan(300);
  return urls;
}

test.each([
  [
    'main thread',
    'packages/server/src/index.ts',
    /\/packages\/(column|storage|replica|query|router|ingest)\//,
  ],
  [
    'engine thread',
    'packages/server/src/engine/engine.ts',
    /\/(@grpc|fastify|prom-client|better-sqlite3)\//,
  ],
])('the %s (%s) loads nothing of what it does not run', (_what, file, others) => {
  expect(loadsOf(file).filter((url) => others.test(url))).toEqual([]);
});
