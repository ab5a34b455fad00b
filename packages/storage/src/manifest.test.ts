import type {ManifestEdit, ManifestStore} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Manifest} from './manifest.ts';

class MapStore implements ManifestStore {
  rows = new Map<string, Uint8Array>();

  async load(): Promise<(readonly [key: string, value: Uint8Array])[]> {
    return [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  async commit({put, remove}: ManifestEdit): Promise<void> {
    await Promise.resolve();
    for (const key of remove) this.rows.delete(key);
    for (const [key, value] of put) this.rows.set(key, value);
  }

  async close(): Promise<void> {}
}

const key = fc.constantFrom('a/1', 'a/2', 'b/1', 'b/22');
const edit = fc.record({
  put: fc.array(fc.tuple(key, fc.uint8Array({maxLength: 20})), {maxLength: 3}),
  remove: fc.array(key, {maxLength: 2}),
});

/** A key that is put is not removed: the order inside one edit means nothing. */
function consistent({put, remove}: {put: [string, Uint8Array][]; remove: string[]}) {
  const kept = new Map(put);
  return {put: [...kept], remove: remove.filter((each) => !kept.has(each))};
}

test('rows come back as committed, one commit after another', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(edit, {maxLength: 8}), async (edits) => {
      const store = new MapStore();
      const manifest = await Manifest.open(store);
      const want = new Map<string, Uint8Array>();
      await Promise.all(edits.map((each) => manifest.commit(consistent(each))));
      for (const each of edits.map(consistent)) {
        for (const removed of each.remove) want.delete(removed);
        for (const [name, value] of each.put) want.set(name, value);
      }
      expect(manifest.point.number).toBe(edits.length);
      const reopened = await Manifest.open(store);
      expect(reopened.point).toEqual(manifest.point);
      for (const prefix of ['', 'a/', 'b/2']) {
        const rows = [...want].filter(([name]) => name.startsWith(prefix)).sort();
        expect(manifest.rows(prefix)).toEqual(rows);
        expect(reopened.rows(prefix)).toEqual(rows);
      }
    }),
  );
});

async function threeCommits(): Promise<{store: MapStore; before: Map<string, Uint8Array>}> {
  const store = new MapStore();
  const manifest = await Manifest.open(store);
  await manifest.commit({put: [['a', Uint8Array.of(1)]]});
  await manifest.commit({put: [['b', Uint8Array.of(2)]]});
  const before = new Map(store.rows);
  await manifest.commit({
    put: [
      ['a', Uint8Array.of(3)],
      ['c', Uint8Array.of(4)],
    ],
  });
  return {store, before};
}

test('a flipped bit anywhere is damage', async () => {
  const {store} = await threeCommits();
  for (const bytes of store.rows.values()) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      await expect(Manifest.open(store)).rejects.toThrow(/manifest row/);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
  await Manifest.open(store);
});

test('a row that is missing, foreign, or went back to an older value is damage', async () => {
  const {store, before} = await threeCommits();
  const whole = new Map(store.rows);
  for (const change of [
    (rows: Map<string, Uint8Array>) => rows.delete('b'),
    (rows: Map<string, Uint8Array>) => rows.set('a', before.get('a')!),
    (rows: Map<string, Uint8Array>) => rows.set('!commit', before.get('!commit')!),
    (rows: Map<string, Uint8Array>) => rows.delete('!commit'),
    (rows: Map<string, Uint8Array>) => rows.set('d', rows.get('c')!),
  ]) {
    store.rows = new Map(whole);
    change(store.rows);
    await expect(Manifest.open(store)).rejects.toThrow(/manifest/);
  }
});

test('after a failed commit none follows', async () => {
  const store = new MapStore();
  const manifest = await Manifest.open(store);
  const {commit} = MapStore.prototype;
  let calls = 0;
  // The disk may well take the next one; but what that one builds on is not there.
  store.commit = async (given) => {
    calls += 1;
    if (calls === 1) throw new Error('EIO');
    return commit.call(store, given);
  };
  const first = manifest.commit({put: [['a', Uint8Array.of(1)]]});
  const second = manifest.commit({put: [['b', Uint8Array.of(1)]]});
  await expect(first).rejects.toThrow('EIO');
  await expect(second).rejects.toThrow('EIO');
  expect(calls).toBe(1);
  expect(manifest.rows('')).toEqual([]);
  expect(manifest.point.number).toBe(0);
});
