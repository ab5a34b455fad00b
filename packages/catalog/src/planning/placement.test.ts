import type {DatabaseId, NodeId, ReplicaId} from '@flotilla/base';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {CatalogMachine} from '../machine/catalog-machine.ts';
import type {Node} from '../model.ts';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {autoShards, planBucket, planPlacement, votersOf} from './placement.ts';
import type {NodeReport} from './reports.ts';

function node(id: number, zone?: string): Node {
  return {
    id: id as NodeId,
    incarnation: `i${id}`,
    address: `n${id}`,
    zone,
    engineThreads: 3,
    state: 'active',
    joinedAtMs: 0,
    version: '1',
  };
}

function place(
  nodes: Node[],
  shards: number,
  replicas: number,
  silent: number[] = [],
  resting: number[] = [],
) {
  return planPlacement({
    nodes,
    loads: new Map(),
    leads: new Map(),
    silent: new Set(silent as NodeId[]),
    resting: new Set(resting as NodeId[]),
    unheard: new Set(),
    shards,
    replicas,
  });
}

test.each([
  [1, 1, 1, 0],
  [2, 3, 1, 1],
  [3, 3, 3, 0],
  [5, 3, 3, 0],
  [4, 4, 3, 1],
  [7, 7, 7, 0],
])('%i nodes, %i replicas: %i voters and %i learners', (nodes, replicas, voters, learners) => {
  const all = Array.from({length: nodes}, (_, i) => node(i + 1));
  for (const placement of place(all, 6, replicas)) {
    expect(placement.filter(({role}) => role === 'voter')).toHaveLength(voters);
    expect(placement.filter(({role}) => role === 'learner')).toHaveLength(learners);
  }
});

test('any placement is even over nodes, distinct in each set, and odd in voters', () => {
  fc.assert(
    fc.property(
      fc.integer({min: 1, max: 9}),
      fc.integer({min: 1, max: 64}),
      fc.integer({min: 1, max: 7}),
      (nodes, shards, replicas) => {
        const all = Array.from({length: nodes}, (_, i) => node(i + 1));
        const counts = new Map<number, number>();
        for (const placement of place(all, shards, replicas)) {
          expect(placement).toHaveLength(Math.min(nodes, replicas));
          expect(new Set(placement.map((placed) => placed.node)).size).toBe(placement.length);
          const voters = placement.filter(({role}) => role === 'voter').length;
          expect(voters).toBe(votersOf(placement.length));
          for (const placed of placement) {
            counts.set(placed.node, (counts.get(placed.node) ?? 0) + 1);
          }
        }
        const used = all.map(({id}) => counts.get(id) ?? 0);
        expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(1);
      },
    ),
  );
});

test('the first founders, who lead at the beginning, are spread evenly; a silent node is never one', () => {
  fc.assert(
    fc.property(
      fc.integer({min: 1, max: 9}),
      fc.integer({min: 1, max: 64}),
      fc.integer({min: 1, max: 7}),
      (nodes, shards, replicas) => {
        const all = Array.from({length: nodes}, (_, i) => node(i + 1));
        const leads = new Map<NodeId, number>(all.map(({id}) => [id, 0]));
        for (const [first] of place(all, shards, replicas))
          leads.set(first!.node, leads.get(first!.node)! + 1);
        const counts = [...leads.values()];
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        const living = place(all, shards, replicas, nodes === 1 ? [] : [1]);
        if (nodes > 1) expect(living.some(([first]) => first!.node === 1)).toBe(false);
      },
    ),
  );
});

test('zones are distinct where there are enough of them', () => {
  const nodes = [
    node(1, 'a'),
    node(2, 'a'),
    node(3, 'b'),
    node(4, 'b'),
    node(5, 'c'),
    node(6, 'c'),
  ];
  const zoneOf = new Map(nodes.map(({id, zone}) => [id, zone]));
  for (const placement of place(nodes, 8, 3)) {
    expect(new Set(placement.map((placed) => zoneOf.get(placed.node))).size).toBe(3);
  }
});

test('no zone holds two replicas of a set while another zone holds none, however many nodes each has', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'c', 'd', undefined), {minLength: 1, maxLength: 9}),
      fc.integer({min: 1, max: 12}),
      fc.integer({min: 1, max: 7}),
      (zones, shards, replicas) => {
        const nodes = zones.map((zone, i) => node(i + 1, zone));
        const count = new Set(zones).size;
        for (const placement of place(nodes, shards, replicas)) {
          const held = placement.map((placed) => zones[placed.node - 1]);
          expect(new Set(held).size).toBe(Math.min(count, placement.length));
        }
      },
    ),
  );
});

test('nodes in maintenance are taken where the others are too few, count as living, and found nothing', () => {
  const nodes = [node(1), node(2), node(3), node(4)];
  for (const placement of place(nodes, 4, 3, [], [1]))
    expect(placement.map((placed) => placed.node).sort()).toEqual([2, 3, 4]);
  for (const placement of place(nodes, 4, 3, [], [1, 3])) {
    expect(placement.filter(({role}) => role === 'voter')).toHaveLength(3);
    expect(placement.map((placed) => placed.node)).toEqual(expect.arrayContaining([2, 4]));
    expect([2, 4]).toContain(placement[0]!.node);
  }
  for (const placement of place(nodes.slice(0, 3), 4, 3, [2], [1, 3])) {
    expect(placement.map((placed) => placed.node).sort()).toEqual([1, 2, 3]);
    expect(placement.at(-1)!.node).toBe(2);
  }
});

test('silent nodes are taken last, never as the majority', () => {
  const nodes = [node(1), node(2), node(3)];
  for (const placement of place(nodes, 4, 3, [2])) {
    expect(new Set(placement.map((placed) => placed.node))).toEqual(new Set([1, 2, 3]));
  }
  for (const placement of place(nodes, 4, 3, [2, 3])) {
    expect(placement).toEqual([{node: 1, role: 'voter'}]);
  }
  for (const placement of place([...nodes, node(4)], 4, 3, [2])) {
    expect(placement.map((placed) => placed.node)).not.toContain(2);
  }
});

test.each([
  [1, 4],
  [2, 6],
  [3, 9],
  [40, 64],
])('%i nodes of three threads: %i shards', (count, shards) => {
  expect(autoShards(Array.from({length: count}, (_, i) => node(i + 1)))).toBe(shards);
});

describe('planBucket', () => {
  const WEEK = 7 * 86_400_000;
  const database = 1 as DatabaseId;

  function founded() {
    const machine = new CatalogMachine();
    const description = {incarnation: 'i', address: 'a', engineThreads: 3, version: '1'};
    machine.apply({type: 'found-cluster', clusterId: 'c', node: description, atMs: 1}, 1);
    return machine;
  }

  test('aligns to the duration, before the epoch too', () => {
    const {catalog} = founded();
    expect(planBucket(catalog, database, WEEK + 5)).toMatchObject({
      startMs: WEEK,
      endMs: 2 * WEEK,
    });
    expect(planBucket(catalog, database, -1)).toMatchObject({startMs: -WEEK, endMs: 0});
    expect(planBucket(catalog, 9 as DatabaseId, 0)).toBeUndefined();
  });

  test('is cut against what is there, so that the machine takes it as it is', () => {
    const machine = founded();
    machine.apply(planBucket(machine.catalog, database, 0)!, 2);
    const options = {bucketDurationMs: 5 * 86_400_000};
    const alter = {type: 'alter-database', tenant: 'default', name: 'public', options} as const;
    machine.apply(alter, 3);
    const next = planBucket(machine.catalog, database, WEEK)!;
    expect([next.startMs, next.endMs]).toEqual([WEEK, 10 * 86_400_000]);
    machine.apply(next, 4);
    expect(machine.catalog.buckets(database)).toHaveLength(2);
  });

  test('nodes of which a new leader of meta has not heard come after those that answered it', () => {
    const {catalog} = clusterOf(5);
    const all = reportsOf(catalog, {});
    // The last two may have died with the leader before.
    const heard = new Map([...all].filter(([id]) => id <= 3));
    for (const placement of planBucket(catalog, database, 0, {reports: heard})!.placements)
      expect(placement.map((placed) => placed.node).sort()).toEqual([1, 2, 3]);
    // They may live as well: voters are no fewer for it.
    const own = new Map([...all].filter(([id]) => id === 1));
    for (const placement of planBucket(catalog, database, 0, {reports: own})!.placements) {
      expect(placement).toHaveLength(3);
      expect(placement[0]!.node).toBe(1);
    }
  });

  describe('a new set, where each node holds as many', () => {
    const MB = 1 << 20;

    /** The nodes of a set made now; four have one replica each, the first of the meta group, and this is told of one. */
    function nodesOfNew(i: number, told: (replica: ReplicaId) => Partial<NodeReport>) {
      const machine = clusterOf(4);
      const {catalog} = machine;
      makeSets(
        machine,
        [2, 3, 4].map((voter) => ({voters: [voter]})),
      );
      must(machine, {
        type: 'alter-database',
        tenant: 'default',
        name: 'public',
        options: {shards: 1},
      });
      const held = [...catalog.replicaSets()].flatMap((set) => set.replicas);
      const {replica} = held.find((placed) => placed.node === i)!;
      const reports = reportsOf(catalog, {told: new Map([[i, told(replica)]])});
      const [placement] = planBucket(catalog, database, WEEK, {reports})!.placements;
      return placement!.map((placed) => placed.node).sort();
    }

    test('goes where less of the disk is used', () => {
      expect(nodesOfNew(2, () => ({diskFree: 0.5}))).toEqual([1, 3, 4]);
      expect(nodesOfNew(3, () => ({diskFree: 0.5}))).toEqual([1, 2, 4]);
      // Less than a step of disks is no difference.
      expect(nodesOfNew(2, () => ({diskFree: 0.99}))).toEqual([1, 2, 3]);
    });

    test('goes where less is written', () => {
      const written = (rate: number) => (replica: ReplicaId) => ({
        writes: {bytesPerSecond: rate, byReplica: new Map([[replica, rate]])},
      });
      expect(nodesOfNew(2, written(100 * MB))).toEqual([1, 3, 4]);
      expect(nodesOfNew(3, written(100 * MB))).toEqual([1, 2, 4]);
      // What differs below a megabyte a second is chance.
      expect(nodesOfNew(2, written(MB / 10))).toEqual([1, 2, 3]);
    });
  });

  test.each(['draining', 'drained'] as const)('a node that is %s gets nothing', (state) => {
    const machine = clusterOf(5);
    for (const node of [2, 4] as NodeId[]) {
      must(machine, {type: 'set-node-state', node, state: 'draining'});
      if (state === 'drained') must(machine, {type: 'set-node-state', node, state});
    }
    const reports = reportsOf(machine.catalog, {});
    const {placements} = planBucket(machine.catalog, database, 0, {reports})!;
    expect(placements.length).toBeGreaterThan(1);
    for (const placement of placements)
      expect(placement.map((placed) => placed.node).sort()).toEqual([1, 3, 5]);
  });

  test('a full node gets nothing; without a fit node there is no plan', () => {
    const {catalog} = founded();
    const report: NodeReport = {
      node: 1 as NodeId,
      live: true,
      clockOffsetMs: 0,
      diskFree: 0.1,
      replicas: new Map(),
    };
    expect(
      planBucket(catalog, database, 0, {reports: new Map([[report.node, report]])}),
    ).toBeUndefined();
  });
});
