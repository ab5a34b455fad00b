import {FatalError, type ReplicaId, type ReplicaSetId, type StoreId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import {Manifest} from '@flotilla/storage';
import {MemoryManifestStore} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {EntryOrderBook} from './entry-orders.ts';

const SET = 7 as ReplicaSetId;
const STORE = 1 as StoreId;
const AT = {set: SET, replica: 3 as ReplicaId, store: STORE};

interface Orders {
  skipOrder?: object | undefined;
  skippedEntries?: readonly object[];
  skipWithdrawn?: number;
}

async function opened(store = new MemoryManifestStore()) {
  const manifest = await Manifest.open(store);
  const set: Orders = {};
  const catalog = {version: 10, replicaSet: (id: number) => (id === SET ? set : undefined)};
  const book = new EntryOrderBook(
    new Map([[STORE, manifest]]),
    () => catalog as unknown as Catalog,
  );
  return {book, set, catalog, manifest, reopened: () => opened(store)};
}

test('what was promised is there after a restart, until the catalog has decided', async () => {
  const {book, reopened} = await opened();
  expect(book.of(AT)).toBeUndefined();
  const promise = book.hold(AT, {index: 17, order: 9});
  // At once: a batch that is applied before the disk is done stops there.
  expect(book.of(AT)).toEqual({skipped: [], held: [17]});
  await promise;
  const {book: next, set, reopened: again} = await reopened();
  set.skipOrder = {order: 9, index: 17};
  expect((await next.settle()).size).toBe(0);
  expect(next.of(AT)).toEqual({skipped: [], held: [17]});
  set.skipOrder = undefined;
  set.skippedEntries = [{order: 9, index: 17}];
  expect(next.of(AT)).toEqual({skipped: [17], held: []});
  expect([...(await next.settle())]).toEqual([SET]);
  // Without the catalog, which a node that restarts has not heard of yet.
  expect((await again()).book.of(AT)).toEqual({skipped: [17], held: []});
});

test('an order that was withdrawn is forgotten, but not where the catalog knows nothing of it', async () => {
  const {book, catalog, set, manifest} = await opened();
  await book.hold(AT, {index: 17, order: 11});
  for (const version of [10, 99]) {
    catalog.version = version;
    expect((await book.settle()).size).toBe(0);
    expect(book.of(AT)?.held).toEqual([17]);
  }
  set.skipWithdrawn = 10;
  expect((await book.settle()).size).toBe(0);
  set.skipWithdrawn = 11;
  expect([...(await book.settle())]).toEqual([SET]);
  expect(book.of(AT)).toEqual({skipped: [], held: []});
  expect(manifest.rows('entry-orders/')).toEqual([]);
});

test('what is promised while an older order is settled is kept', async () => {
  const {book, set, reopened} = await opened();
  await book.hold(AT, {index: 17, order: 8});
  set.skipOrder = {order: 9, index: 17};
  const settling = book.settle();
  const promise = book.hold(AT, {index: 17, order: 9});
  await Promise.all([settling, promise]);
  expect(book.of(AT)?.held).toEqual([17]);
  expect((await reopened()).book.of(AT)?.held).toEqual([17]);
});

test('a replica begins with what its set has ordered, and takes it along when it goes', async () => {
  const {book, set, manifest} = await opened();
  await book.bear(AT);
  expect(book.of(AT)).toBeUndefined();
  set.skippedEntries = [{index: 5}, {order: 6, index: 15}];
  set.skipOrder = {order: 9, index: 17};
  await book.bear(AT);
  set.skippedEntries = [];
  expect(book.of(AT)).toEqual({skipped: [5, 15], held: [17]});
  await book.forget({set: SET, replica: 2 as ReplicaId});
  expect(manifest.rows('entry-orders/')).toHaveLength(1);
  await book.forget(AT);
  expect(book.of(AT)).toEqual({skipped: [], held: []});
  expect(manifest.rows('entry-orders/')).toEqual([]);
});

test('a record of a newer build is not read as one of ours', async () => {
  const {manifest, reopened} = await opened();
  const value = new TextEncoder().encode('{"version":2,"orders":[]}');
  await manifest.commit({put: [['entry-orders/7/3', value]]});
  await expect(reopened()).rejects.toThrow('row entry-orders/7/3: want version 1; have 2');
});

test('a promise that could not be made durable fails, and binds all the same', async () => {
  const {book, manifest} = await opened();
  manifest.commit = () => Promise.reject(new Error('EIO'));
  await expect(book.hold(AT, {index: 17, order: 9})).rejects.toThrow('EIO');
  expect(book.of(AT)?.held).toEqual([17]);
});

test.each<[string, RegExp]>([
  ['[', /^row entry-orders\/7\/3: want JSON; have 1 other bytes$/],
  ['{"version":2,"orders":[]}', /^row entry-orders\/7\/3: want version 1; have 2$/],
  ['{"version":1}', /^row entry-orders\/7\/3.orders: want a list; have nothing$/],
  [
    '{"version":1,"orders":[{"index":"17","order":9,"isDecided":true}]}',
    /^row entry-orders\/7\/3.orders\[0\].index: want .*; have "17"$/,
  ],
])('orders that cannot have been written are refused by name: %s', async (text, message) => {
  const store = new MemoryManifestStore();
  const manifest = await Manifest.open(store);
  await manifest.commit({put: [['entry-orders/7/3', Buffer.from(text)]]});
  await expect(opened(store)).rejects.toThrow(message);
  await expect(opened(store)).rejects.toThrow(FatalError);
});
