import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {afterEach, expect, test} from 'vitest';
import {cleanUp, temporaryDirectory} from '../program.fixture.ts';
import {type Manifest, newManifest, readManifest, writeManifest} from './manifest.ts';

afterEach(cleanUp);

test('whichever byte of a manifest changes, it is refused, or says the same', async () => {
  const directory = temporaryDirectory();
  const file = path.join(directory, 'manifest.json');
  const leftOut = {rows: 0, values: 0, rowsWithoutFields: 0};
  const written = {rows: 2, leftOut, bytes: 40, sha256: 'a'.repeat(64)};
  const entry = {path: '0001-a/000001.lp', start: '0', end: '3', rowsExpected: 2, written};
  const shape = {name: 'é "quoted"', tags: ['host'], fields: []};
  const manifest: Manifest = {
    ...newManifest({tenant: 'default', database: 'm', format: 'lp', compression: 'none'}),
    endedAt: 'now',
    tables: [{shape, directory: '0001-a', nextFile: 2, files: [entry]}],
  };
  await writeManifest(directory, manifest);
  expect(await readManifest(directory)).toEqual(manifest);
  const bytes = readFileSync(file);
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1 << (at % 7);
    writeFileSync(file, changed);
    const read = await readManifest(directory).catch((error: unknown) => String(error));
    if (typeof read !== 'string') expect([at, read]).toEqual([at, manifest]);
    else {
      expect(read).toContain('take it from another copy, or export again');
      refused += 1;
    }
  }
  // Another name of the checksum's key leaves what it is of.
  expect(bytes.length - refused).toBeLessThanOrEqual('sha256'.length);
});
