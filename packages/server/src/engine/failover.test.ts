import type {ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {FailoverModes} from './failover.ts';

type Mode = 'automatic' | 'manual';

function fake(groups: {set: number; mode: Mode; wasLed: boolean}[], wanted: Record<number, Mode>) {
  const ordered: [number, Mode][] = [];
  const modes = new FailoverModes({
    host: {
      failoverModes: () => groups as never,
      watchChanges: () => () => groups.map(({set}) => set as ReplicaSetId),
      setFailover: async (set, mode) => {
        ordered.push([set, mode]);
        // It is written to the disk first.
        await Promise.resolve();
        groups.find((group) => group.set === set)!.mode = mode;
      },
    },
    catalog: {failoverOf: (set: ReplicaSetId) => wanted[set]} as unknown as Catalog,
    log: {info() {}, warn() {}, error() {}},
  });
  return {modes, ordered, wanted};
}

test('what differs is set, once; what the catalog does not know is left alone', async () => {
  const {modes, ordered, wanted} = fake(
    [
      {set: 5, mode: 'automatic', wasLed: true},
      {set: 6, mode: 'manual', wasLed: true},
      {set: 7, mode: 'manual', wasLed: true},
    ],
    {5: 'manual', 6: 'manual'},
  );
  modes.settle();
  modes.settle();
  expect(ordered).toEqual([[5, 'manual']]);
  wanted[5] = 'automatic';
  await new Promise((resolve) => setImmediate(resolve));
  modes.settle();
  expect(ordered).toEqual([
    [5, 'manual'],
    [5, 'automatic'],
  ]);
});

test('a set that was never led elects its first leader by itself', () => {
  const groups = [{set: 5, mode: 'automatic' as Mode, wasLed: false}];
  const {modes, ordered} = fake(groups, {5: 'manual'});
  modes.settle();
  expect(ordered).toEqual([]);
  groups[0]!.wasLed = true;
  modes.settle();
  expect(ordered).toEqual([[5, 'manual']]);
});

test('while the catalog stays as it is only what changed is looked at; what failed is tried again', async () => {
  const all = [5, 6, 7].map((set) => ({set, mode: 'automatic' as Mode, wasLed: true}));
  const looked: number[] = [];
  const ordered: number[] = [];
  let changed: number[] = [];
  const wanted: Record<number, Mode> = {};
  const catalog = {version: 1, failoverOf: (set: ReplicaSetId) => wanted[set]};
  const modes = new FailoverModes({
    host: {
      failoverModes: (sets?: Iterable<ReplicaSetId>) => {
        const these = [...(sets ?? all.map(({set}) => set))];
        looked.push(...these);
        return all.filter(({set}) => these.includes(set as ReplicaSetId)) as never;
      },
      watchChanges: () => () => changed as ReplicaSetId[],
      setFailover: async (set) => {
        ordered.push(set);
        throw new Error('its store stopped');
      },
    },
    catalog: catalog as unknown as Catalog,
    log: {info() {}, warn() {}, error() {}},
  });
  modes.settle();
  expect(looked.splice(0)).toEqual([5, 6, 7]);
  changed = [6];
  modes.settle();
  expect(looked.splice(0)).toEqual([6]);
  changed = [];
  wanted[7] = 'manual';
  catalog.version = 2;
  modes.settle();
  expect(ordered).toEqual([7]);
  await new Promise((resolve) => setImmediate(resolve));
  modes.settle();
  expect(ordered).toEqual([7, 7]);
});
