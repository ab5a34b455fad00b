// `npm run dist -- [--out DIR] [--level 1..9]`: a tarball of the product with its dependencies and its Node, for the
// platform that makes it. It starts with no network, no npm and no other Node: unpack, `./flotilla start`.
// Same inputs, same bytes: files in order, no times and no owners.

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';
import {create} from 'tar';
import {contentsOf} from './contents.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PNPM = path.join('node_modules', '.pnpm');
const AS_IT_IS = ['LICENSE', 'README.md', 'CHANGELOG.md', 'docs', 'deploy'];
const LEFT_OUT = /\.(test|fixture|bench)\.ts$/;

const LAUNCHER = `#!/bin/sh
# The \`flotilla\` command, on the Node beside it.
set -eu
self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=$(dirname "$self")/$target ;;
  esac
done
home=$(cd "$(dirname "$self")" && pwd -P)
# The thread pool serves fsync and reads; its default of 4 would queue one behind the other.
export UV_THREADPOOL_SIZE="\${UV_THREADPOOL_SIZE:-16}"
exec "$home/node/node" "$home/packages/cli/src/main.ts" "$@"
`;

const {values} = parseArgs({
  options: {
    out: {type: 'string', default: path.join(ROOT, 'dist')},
    /** Of gzip: 1 takes half the time of 6, and a tenth more room. */
    level: {type: 'string', default: '6'},
  },
});

const {version} = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
};
const name = `flotilla-${version}-${process.platform}-${process.arch}`;
const staging = mkdtempSync(path.join(tmpdir(), 'flotilla-dist-'));
try {
  stage(path.join(staging, name));
  mkdirSync(values.out, {recursive: true});
  const file = path.resolve(values.out, `${name}.tar.gz`);
  const gzip = {level: Number(values.level)};
  await create({file, cwd: staging, gzip, portable: true, noMtime: true}, [name]);
  const megabytes = (statSync(file).size / 1e6).toFixed(1);
  process.stdout.write(
    `${file} (${megabytes} MB)\n` +
      `unpack it anywhere, then: ${name}/flotilla start (deploy/ has a Dockerfile and a systemd unit)\n`,
  );
} finally {
  rmSync(staging, {recursive: true, force: true});
}

function stage(to: string): void {
  const {packages, dependencies} = contentsOf(ROOT);
  for (const one of AS_IT_IS) copy(one, to);
  copy('package.json', to);
  for (const own of packages) {
    const directory = path.join('packages', own);
    copy(path.join(directory, 'package.json'), to);
    copy(path.join(directory, 'src'), to);
    copy(path.join(directory, 'node_modules'), to);
  }
  for (const dependency of dependencies) copy(path.join(PNPM, dependency), to);
  stageNode(path.join(to, 'node'));
  const launcher = path.join(to, 'flotilla');
  writeFileSync(launcher, LAUNCHER);
  chmodSync(launcher, 0o755);
}

function copy(what: string, to: string): void {
  const source = path.join(ROOT, what);
  if (!existsSync(source)) return;
  // Links as they are: those of pnpm are relative and lead to what is copied too.
  cpSync(source, path.join(to, what), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (file) => !LEFT_OUT.test(file) && path.basename(file) !== '.bin',
  });
}

function stageNode(to: string): void {
  mkdirSync(to, {recursive: true});
  cpSync(realpathSync(process.execPath), path.join(to, 'node'));
  chmodSync(path.join(to, 'node'), 0o755);
  // Kept here, for an install restored from a store's cache has the program without its licence.
  const license = path.join(import.meta.dirname, `node-${process.version}.LICENSE`);
  if (!existsSync(license))
    throw new Error(`${license} is missing: it is in the archive of that Node, copy it from there`);
  cpSync(license, path.join(to, 'LICENSE'));
}
