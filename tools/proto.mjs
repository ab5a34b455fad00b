// Remakes packages/wire/src/generated from proto/. Run by `npm run proto`; a test of @flotilla/wire
// calls `generateProto` too and fails when what is committed differs.

import {execFileSync} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const toolsOf = (name) =>
  join(dirname(require.resolve('protobufjs-cli/package.json')), 'bin', name);

/** Both generated files as text. */
export function generateProto() {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-proto-'));
  try {
    const script = join(directory, 'protocol.js');
    const types = join(directory, 'protocol.d.ts');
    const sources = readdirSync(join(root, 'proto')).filter((name) => name.endsWith('.proto'));
    const protoDirectory = join(root, 'proto');
    const pbjs = [
      '-t',
      'static-module',
      '-w',
      'esm',
      '--force-number',
      '--no-create',
      '--no-verify',
    ];
    pbjs.push('--no-convert', '--no-delimited', '--no-service', '-p', protoDirectory, '-o', script);
    run('pbjs', [...pbjs, ...sources.sort().map((name) => join(protoDirectory, name))]);
    run('pbts', ['-o', types, script]);
    return {script: readFileSync(script, 'utf8'), types: readFileSync(types, 'utf8')};
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

function run(tool, args) {
  execFileSync(process.execPath, [toolsOf(tool), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const {script, types} = generateProto();
  const target = join(root, 'packages/wire/src/generated');
  writeFileSync(join(target, 'protocol.js'), script);
  writeFileSync(join(target, 'protocol.d.ts'), types);
  console.log('packages/wire/src/generated is up to date with proto/');
}
