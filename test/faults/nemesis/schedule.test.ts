import {expect, test} from 'vitest';
import {readOptions} from './options.ts';
import {FAULT_KINDS, planRounds, type Round, takesOut} from './schedule.ts';

const SHAPE = {nodes: 5, fillable: [4, 5]};

function plan(seed: number, count: number, shape = SHAPE): Round[] {
  const rounds: Round[] = [];
  for (const round of planRounds({...shape, seed})) {
    rounds.push(round);
    if (rounds.length === count) break;
  }
  return rounds;
}

const faultsOf = (rounds: readonly Round[]) => rounds.flatMap(({faults}) => faults);

test('the same seed plans the same rounds, another seed others', () => {
  expect(plan(7, 50)).toEqual(plan(7, 50));
  expect(plan(7, 50)).not.toEqual(plan(8, 50));
});

test('where availability is promised one node is out of work at most', () => {
  for (let seed = 0; seed < 50; seed++)
    for (const {scope, faults} of plan(seed, 40)) {
      const out = new Set(faults.filter(({kind}) => takesOut(kind)).map(({node}) => node));
      if (scope !== 'majority') expect(out.size).toBeLessThanOrEqual(1);
    }
});

test('two nodes are split off only where more than a minority may be out of work', () => {
  const rounds = plan(5, 200).filter(({faults}) => faults.some(({kind}) => kind === 'split'));
  expect(rounds.length).toBeGreaterThan(5);
  expect(new Set(rounds.map(({scope}) => scope))).toEqual(new Set(['majority']));
});

test('some rounds take out more than that', () => {
  const beyond = plan(3, 80).filter(({scope, faults}) => {
    const out = new Set(faults.filter(({kind}) => takesOut(kind)).map(({node}) => node));
    return scope === 'majority' && out.size > 1;
  });
  expect(beyond.length).toBeGreaterThan(5);
});

test('a damage strikes alone', () => {
  for (const {scope, faults} of plan(5, 200)) {
    const damages = faults.filter(({kind}) => ['wipe', 'oldImage', 'decommission'].includes(kind));
    expect(damages.length).toBe(scope === 'damage' ? 1 : 0);
    if (scope === 'damage') expect(faults.length).toBe(1);
  }
});

test('nine rounds meet most kinds, forty all', () => {
  for (let seed = 0; seed < 20; seed++) {
    expect(new Set(faultsOf(plan(seed, 9)).map(({kind}) => kind)).size).toBeGreaterThan(7);
    const all = new Set(faultsOf(plan(seed, 40)).map(({kind}) => kind));
    expect([...all].sort()).toEqual([...FAULT_KINDS].sort());
  }
});

test('faults lie within their round, on nodes that there are, and pairs are two', () => {
  for (const {faults, lengthMs} of plan(11, 200))
    for (const {node, other, beginMs, endMs} of faults) {
      expect(beginMs).toBeGreaterThanOrEqual(0);
      expect(endMs).toBeGreaterThan(beginMs);
      expect(endMs).toBeLessThanOrEqual(lengthMs);
      for (const one of [node, other]) expect([1, 2, 3, 4, 5]).toContain(one);
      expect(other).not.toBe(node);
    }
});

test('a node is not killed while it is killed, stopped or frozen', () => {
  for (const {faults} of plan(13, 200)) {
    const processes = faults.filter(({kind}) => ['kill', 'restart', 'pause'].includes(kind));
    expect(new Set(processes.map(({node}) => node)).size).toBe(processes.length);
  }
});

test('only disks that can be filled are', () => {
  const nodes = faultsOf(plan(17, 200)).filter(({kind}) => kind === 'fillDisk');
  expect(new Set(nodes.map(({node}) => node))).toEqual(new Set([4, 5]));
  const none = faultsOf(plan(17, 200, {...SHAPE, fillable: []}));
  expect(none.some(({kind}) => kind === 'fillDisk')).toBe(false);
});

test('the command line', () => {
  expect(readOptions([])).toEqual({minutes: 3, seed: 1, json: false, help: false});
  expect(readOptions(['--minutes', '0.5', '--seed', '7', '--json'])).toMatchObject({
    minutes: 0.5,
    seed: 7,
    json: true,
  });
  expect(() => readOptions(['--minutes', 'x'])).toThrow(/--minutes/);
  expect(() => readOptions(['--seed', '1.5'])).toThrow(/--seed/);
  expect(() => readOptions(['--sed', '1'])).toThrow(/--sed/);
});
