import type {NodeId} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command, type NodeEvidence} from '@flotilla/catalog';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {commandSchema, decodeCommand, encodeCommand} from './command-codec.ts';
import {machineOf, machineOfCopy, recoverMetaState} from './meta-recovery.ts';

const id = fc.integer({min: 1, max: 2 ** 45});
const count = fc.integer({min: 0, max: 2 ** 45});
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, {nil: undefined});

const recoveryCommand = fc.oneof(
  fc.record({type: fc.constant('declare-lost' as const), nodes: fc.array(id), atMs: count}),
  fc.record({
    type: fc.constant('recover-replica-set' as const),
    set: id,
    expectedEpoch: id,
    node: id,
    replica: maybe(id),
    lastIndex: maybe(count),
    atMs: count,
  }),
) as unknown as fc.Arbitrary<Command>;

test('the commands of a recovery are what they were after the log, and pass the check of a proposal', () => {
  const property = fc.property(recoveryCommand, (command) => {
    const read = decodeCommand(encodeCommand(command));
    expect(read).toEqual(command);
    expect(commandSchema.parse(JSON.parse(JSON.stringify(command)))).toEqual(command);
  });
  fc.assert(property, {numRuns: 200});
});

const NODE = 2 as NodeId;

function machine(): CatalogMachine {
  const founded = new CatalogMachine();
  const of = (i: number) => {
    return {incarnation: `i${i}`, address: `n${i}:1`, engineThreads: 1, version: '0'};
  };
  const clusterVersion = CLUSTER_VERSION;
  founded.apply({type: 'found-cluster', clusterId: 'c', node: of(1), clusterVersion, atMs: 1}, 6);
  for (const i of [2, 3])
    founded.apply({type: 'register-node', node: of(i), atMs: 1}, founded.catalog.version + 1);
  return founded;
}

/** Of any age, from a member or a copy, beside stores that hold whatever ids. */
test('what a recovered group begins with is whole, above all copies, and gives out no id that is in use', async () => {
  const property = fc.asyncProperty(
    fc.record({isCopy: fc.boolean(), version: count, term: count, set: id, replica: id}),
    async ({isCopy, version, term, set, replica}) => {
      const before = machine();
      const state = isCopy ? machineOfCopy(before.catalog.snapshot()) : before.snapshot();
      const ended = [{set, replica}] as unknown as NodeEvidence['ended'];
      const rest = {cluster: 'c', name: 'd', stores: 1, replicas: [], faults: []};
      const order = {node: NODE, lost: [1 as NodeId], evidence: [{...rest, node: NODE, ended}]};
      const recovered = recoverMetaState(state, {...order, term, version, atMs: 9});
      const read = await machineOf(recovered.snapshot);
      expect(read.catalog).toEqual(JSON.parse(JSON.stringify(recovered.catalog)));
      expect(read.catalog.version).toBe(recovered.snapshot.point.index);
      expect(read.catalog.version).toBeGreaterThan(Math.max(version, before.catalog.version));
      expect(recovered.snapshot.point.term).toBe(term + 1);
      expect(read.counters.replica).toBeGreaterThan(Math.max(replica, recovered.replica));
      expect(recovered.replica).toBeGreaterThan(replica);
      expect(read.counters.replicaSet).toBeGreaterThan(set);
      // It goes on: the next command is applied above it.
      const next = new CatalogMachine(read);
      const {result} = next.apply({type: 'create-tenant', name: 't'}, read.catalog.version + 1);
      expect(result.ok).toBe(true);
    },
  );
  await fc.assert(property, {numRuns: 60});
});
