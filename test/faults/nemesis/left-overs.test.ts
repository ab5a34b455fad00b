// What is left over is seen, in a directory made for it and in this very process.

import {closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import type {ProcessNode} from '@flotilla/testkit';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {until} from '../../cluster/waiting.ts';
import {strayFiles} from './data-directory.ts';
import {halfClosedSockets, strayDescriptors} from './left-overs.ts';

const META = {wanted: new Set(['7-31']), holdsMeta: true};

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-left-'));
});

afterEach(() => {
  rmSync(directory, {recursive: true});
});

function put(name: string): void {
  const file = path.join(directory, name);
  mkdirSync(path.dirname(file), {recursive: true});
  writeFileSync(file, '');
}

/** A data directory as a node leaves it that holds one replica, and one of the meta group. */
function whole(): void {
  const log = ['stores/0/log/segment-0000000000000003', 'stores/0/log/end'];
  for (const name of ['node.json', 'lock', ...log]) put(name);
  for (const name of ['00000001.part', '00000002.keys']) put(`stores/0/replicas/7-31/${name}`);
  for (const index of [8, 9])
    put(`stores/0/replicas/0-4/catalog-${`${index}`.padStart(16, '0')}.json`);
  mkdirSync(path.join(directory, 'stores/0/staging'));
  const database = new DatabaseSync(path.join(directory, 'stores/0/manifest.sqlite'));
  database.exec('CREATE TABLE rows(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID');
  const state = {parts: [{file: '00000001.part'}], keyFiles: [{file: '00000002.keys'}]};
  const value = Buffer.concat([Buffer.alloc(13), Buffer.from(JSON.stringify(state))]);
  database.prepare('INSERT INTO rows VALUES(?, ?)').run('replica/7/31/state', value);
  database.close();
}

const strays = (holdings = META): string[] =>
  strayFiles(directory, holdings).map((text) => text.replaceAll(`${directory}/`, ''));

test('a data directory that holds what it should has nothing left over', () => {
  whole();
  expect(strays()).toEqual([]);
});

test('files that nothing names are seen, wherever they lie', () => {
  whole();
  const left = [
    '.node.json.tmp',
    'stores/0/ballast.new',
    'stores/0/log/segment-0000000000000004.new',
    'stores/0/staging/7-31-90',
    'stores/0/replicas/7-30',
    'stores/0/replicas/0-4/catalog-0000000000000009.json.new',
    'stores/0/replicas/7-31/00000003.part',
  ];
  for (const name of left) put(name);
  for (const name of left) expect(strays()).toContain(`${name} belongs to nobody`);
});

test('and what is named and missing, and what is held by a node that should not', () => {
  whole();
  rmSync(path.join(directory, 'stores/0/replicas/7-31/00000001.part'));
  expect(strays()).toEqual(['stores/0/replicas/7-31/00000001.part is missing']);
  expect(strays({wanted: new Set(), holdsMeta: false})).toEqual([
    'stores/0/replicas/0-4 belongs to nobody',
    'stores/0/replicas/7-31 belongs to nobody',
    'stores/0/manifest.sqlite names replica 7-31',
  ]);
});

const here = (): ProcessNode => ({number: 1, pid: process.pid, directory}) as ProcessNode;

test('files that are gone or open too often, in a process that keeps them open', () => {
  put('kept');
  const kept = path.join(directory, 'kept');
  const files = [openSync(kept, 'r'), openSync(kept, 'r')];
  expect(strayDescriptors(here())).toEqual([]);
  files.push(openSync(kept, 'r'));
  expect(strayDescriptors(here())).toEqual(['node 1 has kept open 3 times']);
  rmSync(kept);
  expect(strayDescriptors(here())).toEqual(['node 1 keeps kept (deleted) open']);
  for (const file of files) closeSync(file);
});

test('a connection that one end alone has closed', async () => {
  const accepted: net.Socket[] = [];
  const server = net.createServer({allowHalfOpen: true}, (socket) => {
    accepted.push(socket.resume());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address() as net.AddressInfo;
  const client = net.connect(port, '127.0.0.1');
  const isLeft = () => halfClosedSockets(here()).some((text) => text.includes(`port ${port} to`));
  await new Promise((resolve) => client.once('connect', resolve));
  expect(isLeft()).toBe(false);
  client.end();
  await until('the end is seen', isLeft);
  for (const socket of [client, ...accepted]) socket.destroy();
  server.close();
});
