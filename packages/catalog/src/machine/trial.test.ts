import fc from 'fast-check';
import {expect, test} from 'vitest';
import {planBucket} from '../planning/placement.ts';
import {code, description, founded, id, must} from './catalog-machine.fixture.ts';
import {trialMachine} from './trial.ts';

test('a trial refuses what would be refused, and changes no more than its own copy', () => {
  fc.assert(
    fc.property(fc.nat(5), fc.nat(3), (databases, buckets) => {
      const {machine, run} = founded();
      for (let i = 0; i < databases; i++) {
        must(run({type: 'create-database', tenant: 'default', name: `d${i}`, options: {}}));
      }
      for (let i = 0; i < buckets; i++) must(run(planBucket(machine.catalog, id(1), i * 1e10)!));
      const before = machine.snapshot();
      const trial = trialMachine(machine.catalog);
      expect(trial.catalog.snapshot()).toEqual(machine.catalog.snapshot());
      const version = trial.catalog.version + 1;
      const named = {type: 'create-database', tenant: 'default', name: 'd0', options: {}} as const;
      expect(code(trial.apply(named, version).result)).toBe(
        databases > 0 ? 'ALREADY_EXISTS' : 'ok',
      );
      // Ids that it gives out are free in it: nothing is overwritten.
      const nodes = [...trial.catalog.nodes()].length;
      must(trial.apply({type: 'register-node', node: description(9), atMs: 1}, version + 1).result);
      must(trial.apply(planBucket(trial.catalog, id(1), 9e12)!, version + 2).result);
      expect([...trial.catalog.nodes()]).toHaveLength(nodes + 1);
      const replicas = [...trial.catalog.replicaSets()].flatMap((set) => set.replicas);
      expect(new Set(replicas.map(({replica}) => replica)).size).toBe(replicas.length);
      expect(machine.snapshot()).toEqual(before);
    }),
    {numRuns: 20},
  );
});
