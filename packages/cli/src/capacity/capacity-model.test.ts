import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {blockRowsOf} from './block-rows.ts';
import {
  type CapacityPlan,
  type CapacityQuestion,
  CHOSEN,
  DAY_MS,
  MEASURED,
  PROGRAM,
  planCapacity,
  VALUE_KINDS,
} from './capacity-model.ts';

const BASE: CapacityQuestion = {
  hosts: 1_000,
  intervalMs: 10_000,
  fields: 10,
  values: 'integer',
  retentionMs: 30 * DAY_MS,
  bucketMs: 7 * DAY_MS,
  replicas: 3,
  nodes: 3,
  rowsPerCpuSecond: MEASURED.rowsPerCpuSecond,
};

/** Up to as many series as the fewest shards take: beyond that shards are added, and merges get smaller. */
const questions = fc
  .record({
    hosts: fc.integer({min: 1, max: 2_000_000}),
    intervalMs: fc.integer({min: 1, max: 3_600_000}),
    fields: fc.integer({min: 1, max: 500}),
    values: fc.constantFrom(...VALUE_KINDS),
    retentionMs: fc.integer({min: DAY_MS / 24, max: 400 * DAY_MS}),
    bucketMs: fc.integer({min: DAY_MS / 24, max: 90 * DAY_MS}),
    replicas: fc.integer({min: 1, max: 6}),
    more: fc.integer({min: 0, max: 12}),
    rowsPerCpuSecond: fc.integer({min: 1_000, max: 2_000_000}),
  })
  .map(({more, ...question}) => ({...question, nodes: question.replicas + more}));

/** All needs of a plan by their paths. */
function needsOf({node, cluster}: CapacityPlan): Map<string, number> {
  const {cores, busyCores, memoryBytes, diskBytes, sentBytesPerSecond} = node;
  const groups = {node: {cores, busyCores, sentBytesPerSecond}, memoryBytes, diskBytes, cluster};
  return new Map(
    Object.entries(groups).flatMap(([group, needs]) =>
      Object.entries(needs).map(([name, need]): [string, number] => [`${group}.${name}`, need]),
    ),
  );
}

/** Needs of the first that are greater than those of the second. */
function greaterNeeds(less: CapacityQuestion, more: CapacityQuestion): string[] {
  const needs = needsOf(planCapacity(more));
  // Sums of doubles in another order differ in their last bits.
  return [...needsOf(planCapacity(less))]
    .filter(([name, need]) => needs.get(name)! < need * (1 - 1e-9))
    .map(([name]) => name);
}

describe('a plan', () => {
  test('never needs less for more hosts, fields, replicas, or for longer', () => {
    const factor = fc.double({min: 1, max: 8, noNaN: true});
    fc.assert(
      fc.property(questions, factor, (question, more) => {
        const {hosts, fields, replicas, nodes, retentionMs} = question;
        const changes: readonly Partial<CapacityQuestion>[] = [
          {hosts: Math.ceil(Math.min(hosts * more, 4e6))},
          {fields: Math.ceil(fields * more)},
          {replicas: Math.min(nodes, replicas + 1)},
          {retentionMs: retentionMs * more},
        ];
        for (const change of changes) {
          const names = greaterNeeds(question, {...question, ...change});
          expect([change, names]).toEqual([change, []]);
        }
      }),
      {numRuns: 300},
    );
  });

  test('never needs more of each node for more nodes', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const few = planCapacity(question).node;
        const many = planCapacity({...question, nodes: question.nodes + 1}).node;
        expect(many.busyCores).toBeLessThanOrEqual(few.busyCores * (1 + 1e-9));
        for (const part of ['parts', 'expiring', 'trash', 'keys'] as const)
          expect(many.diskBytes[part], part).toBeLessThanOrEqual(few.diskBytes[part] * (1 + 1e-9));
      }),
    );
  });

  test('is linear in hosts and in time where nothing is rounded', () => {
    fc.assert(
      fc.property(questions, fc.integer({min: 2, max: 5}), (question, times) => {
        const one = planCapacity(question);
        const hosts = planCapacity({...question, hosts: question.hosts * times});
        expect(hosts.rowsPerSecond / one.rowsPerSecond).toBeCloseTo(times, 9);
        const grown = hosts.node.busyCores - MEASURED.idleCores;
        expect(grown / (one.node.busyCores - MEASURED.idleCores)).toBeCloseTo(times, 6);
        for (const part of ['parts', 'expiring', 'trash', 'keys'] as const)
          expect(hosts.node.diskBytes[part] / one.node.diskBytes[part], part).toBeCloseTo(times, 9);
        const long = planCapacity({...question, retentionMs: question.retentionMs * times});
        expect(long.node.diskBytes.parts / one.node.diskBytes.parts).toBeCloseTo(times, 9);
      }),
    );
  });

  test('sums up what it is made of', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const {memoryBytes, diskBytes, cores, busyCores} = planCapacity(question).node;
        const {used: memory, given, machine, ...held} = memoryBytes;
        expect(sum(held) / memory).toBeCloseTo(1, 9);
        expect(given).toBeGreaterThanOrEqual(memory);
        expect(given / machine).toBeCloseTo(PROGRAM.memoryShare, 9);
        const {used: disk, free, total, ...kept} = diskBytes;
        expect(sum(kept) / disk).toBeCloseTo(1, 9);
        expect(free / total).toBeCloseTo(PROGRAM.freeShare, 9);
        expect(busyCores).toBeLessThanOrEqual(cores * CHOSEN.busyShare);
      }),
    );
  });

  test('tells the rows a CPU second of the rows by which it was asked', () => {
    for (const rowsPerCpuSecond of [10_000, MEASURED.rowsPerCpuSecond, 1_000_000]) {
      const question = {...BASE, rowsPerCpuSecond, replicas: 1, nodes: 1};
      expect(planCapacity(question).row.cpuMicros).toBeCloseTo(1e6 / rowsPerCpuSecond, 9);
    }
  });

  test('counts what is left while a node is away', () => {
    const {node: three} = planCapacity(BASE);
    const {node: four} = planCapacity({...BASE, nodes: 4});
    // Nowhere to make the third replica anew, and room on each of the three for all that four had.
    expect(three.diskBytes.parts).toBe(four.diskBytes.parts);
    expect(planCapacity({...BASE, nodes: 5}).node.diskBytes.parts).toBeLessThan(
      four.diskBytes.parts,
    );
  });

  test('has more shards where series would not fit', () => {
    const rare = {...BASE, intervalMs: DAY_MS};
    expect(planCapacity({...rare, hosts: 4_000_000}).shards).toBe(4);
    expect(planCapacity({...rare, hosts: 4_000_001}).shards).toBe(5);
  });
});

function sum(of: object): number {
  return Object.values(of).reduce((total: number, value: number) => total + value, 0);
}

test.each([
  [1, 1_000],
  [1_000, 300],
  [10_000, 360],
  [30_000, 120],
  [60_000, 360],
  [600_000, 144],
  [900_000, 192],
  [3_600_000, 120],
])('rows every %i ms share a block by %i', (intervalMs, rows) => {
  expect(blockRowsOf(intervalMs, 90 * DAY_MS)).toBe(rows);
});

test('a block holds no more rows than its bucket', () => {
  expect(blockRowsOf(10_000, 600_000)).toBe(60);
});
