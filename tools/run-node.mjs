// Runs a script with the project's own Node 24 in the foreground, passing signals and exit code on.

import {spawn} from 'node:child_process';
import {NODE, ROOT} from './install.mjs';

/**
 * @param {string[]} args script and its arguments
 * @param {{cwd?: string}} options
 */
export function runNode(args, {cwd = ROOT} = {}) {
  // The thread pool serves fsync and reads; its default of 4 would queue one behind the other.
  const env = {UV_THREADPOOL_SIZE: '16', ...process.env};
  const child = spawn(NODE, args, {stdio: 'inherit', cwd, env});
  // A terminal sends SIGINT to the child too: leave it the time to stop cleanly.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`flotilla: cannot start ${NODE}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code === null ? 1 : code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
