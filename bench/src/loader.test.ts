import {mkdtempSync, rmSync} from 'node:fs';
import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {expect, test} from 'vitest';
import {makeBodyFile} from './body-file.ts';
import {type LoadResult, load} from './loader.ts';
import {type RowsParameters, START_MS} from './tsbs-rows.ts';

const ROWS: RowsParameters = {
  hosts: 1,
  hours: 0.01,
  intervalMs: 10_000,
  values: 'integer',
  seed: 1,
  startMs: START_MS,
};

/** One body, at a server that answers with these in turn. */
async function loaded(
  answers: readonly number[],
  laterStatuses?: readonly number[],
): Promise<LoadResult> {
  const left = [...answers];
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(left.shift() ?? 204).end('no'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-loader-'));
  const file = await makeBodyFile({directory, rows: ROWS, batchRows: 1_000, gzip: false});
  const {port} = server.address() as AddressInfo;
  try {
    const urls = [`http://127.0.0.1:${port}/write`];
    return await load(file, {urls, connections: 1, laterStatuses});
  } finally {
    await file[Symbol.asyncDispose]();
    rmSync(directory, {recursive: true});
    server.close();
  }
}

test('what a target has no room for is sent again; a 500 only where the target says "later" by it', async () => {
  expect(await loaded([503, 429])).toMatchObject({repeats: 2});
  await expect(loaded([500])).rejects.toThrow(/answered 500: no/);
  expect(await loaded([500], [500])).toMatchObject({repeats: 1});
});
