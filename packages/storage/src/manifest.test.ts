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

test('rows come back as committed, in the order of the calls, however many share a commit', async () => {
  const step = fc.record({change: edit, isAwaited: fc.boolean()});
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 8}), async (steps) => {
      const edits = steps.map(({change}) => change);
      const store = new MapStore();
      const manifest = await Manifest.open(store);
      const want = new Map<string, Uint8Array>();
      const commits: Promise<void>[] = [];
      for (const {change, isAwaited} of steps) {
        commits.push(manifest.commit(consistent(change)));
        if (isAwaited) await commits.at(-1);
      }
      await Promise.all(commits);
      for (const each of edits.map(consistent)) {
        for (const removed of each.remove) want.delete(removed);
        for (const [name, value] of each.put) want.set(name, value);
      }
      expect(manifest.point.number).toBeLessThanOrEqual(edits.length);
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

test('a row of another version is refused, and named', async () => {
  const store = new MapStore();
  await (await Manifest.open(store)).commit({put: [['a/1', Uint8Array.of(7)]], remove: []});
  store.rows.get('a/1')![0] = 2;
  await expect(Manifest.open(store)).rejects.toThrow('manifest row a/1: want version 1; have 2');
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

test('what comes while a commit is under way shares the next one', async () => {
  const store = new MapStore();
  const manifest = await Manifest.open(store);
  const {commit} = MapStore.prototype;
  const begun = Promise.withResolvers<void>();
  const disk = Promise.withResolvers<void>();
  const given: number[] = [];
  store.commit = async (one) => {
    given.push(one.put.length + one.remove.length);
    begun.resolve();
    await disk.promise;
    return commit.call(store, one);
  };
  const first = manifest.commit({put: [['a', Uint8Array.of(1)]]});
  await begun.promise;
  const others = ['b', 'c', 'd'].map((name) => manifest.commit({put: [[name, Uint8Array.of(1)]]}));
  others.push(manifest.commit({remove: ['a', 'd']}));
  disk.resolve();
  await Promise.all([first, ...others]);
  // Each with the row that counts commits.
  expect(given).toEqual([2, 5]);
  expect(manifest.rows('').map(([name]) => name)).toEqual(['b', 'c']);
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
  await Promise.resolve();
  const second = manifest.commit({put: [['b', Uint8Array.of(1)]]});
  expect(second, 'else they share the commit that fails').not.toBe(first);
  await expect(first).rejects.toThrow('EIO');
  await expect(second).rejects.toThrow('EIO');
  expect(calls).toBe(1);
  expect(manifest.rows('')).toEqual([]);
  expect(manifest.point.number).toBe(0);
});
