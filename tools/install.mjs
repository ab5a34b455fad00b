// Installs the project's dependencies, its own Node 24 among them, when the lockfile has changed
// since the last success. Plain JavaScript without dependencies, and nothing newer than Node 12: an
// old Node must come as far as being refused by name.

import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** The Node that runs everything but this bootstrap. */
export const NODE = path.join(ROOT, 'node_modules', '.bin', 'node');

/** Not in package.json's packageManager: pnpm then wants itself in the lockfile and refuses a frozen one. */
const PNPM = 'pnpm@12.21.0';
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64'];
const STAMP = path.join(ROOT, 'node_modules', '.flotilla-lock-sha256');

function fail(message) {
  process.stderr.write(`flotilla: ${message}\n`);
  process.exit(1);
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(path.join(ROOT, 'pnpm-lock.yaml')))
    .digest('hex');
}

/** Prints nothing on stdout: the output of `./flotilla sql` belongs to its caller. */
export function ensureInstalled() {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform)) {
    fail(`${platform} is not supported; it runs on ${PLATFORMS.join(', ')}`);
  }
  if (Number(process.versions.node.split('.')[0]) < 20) {
    fail(`Node.js ${process.versions.node} is too old; install Node.js 20 or newer`);
  }
  const wanted = lockHash();
  const present = existsSync(STAMP) && existsSync(NODE) ? readFileSync(STAMP, 'utf8') : '';
  if (present === wanted) return;
  process.stderr.write('flotilla: installing dependencies (once, some 20 seconds) ...\n');
  const args = ['--yes', '--prefer-offline', PNPM, 'install', '--frozen-lockfile'];
  const result = spawnSync('npx', args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (result.status !== 0) {
    process.stderr.write(result.stdout || '');
    process.stderr.write(result.stderr || '');
    const reason = result.error ? result.error.message : `exit ${result.status}`;
    fail(`the installation failed (${reason}); check the network and run the same command again`);
  }
  writeFileSync(STAMP, wanted);
}
