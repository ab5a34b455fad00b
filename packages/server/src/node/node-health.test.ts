import {expect, test} from 'vitest';
import {healthOf, type NodeCondition, type ThreadHealth} from './node-health.ts';

const WELL: ThreadHealth = {turnAgeMs: 30, writeAgeMs: 5, isDiskFull: false, faultyReplicas: 0};

function condition(change: Partial<NodeCondition> = {}): NodeCondition {
  return {waitingFor: undefined, threads: [WELL, WELL], metaSilentMs: 100, ...change};
}

test('a node that is well passes in each part', () => {
  const {status, message, subsystems} = healthOf(condition());
  expect([status, message]).toEqual(['pass', 'ready for queries and writes']);
  expect(Object.keys(subsystems)).toEqual(['engine', 'stores', 'disk', 'replicas', 'meta']);
  for (const subsystem of Object.values(subsystems))
    expect(subsystem).toEqual({status: 'pass', message: 'ok'});
});

test('a node that starts passes, and says what it waits for', () => {
  const waitingFor = 'the log is being replayed';
  expect(healthOf(condition({waitingFor, threads: [], metaSilentMs: Infinity}))).toEqual({
    status: 'pass',
    message: waitingFor,
    subsystems: {engine: {status: 'pass', message: waitingFor}},
  });
});

const second = (change: Partial<ThreadHealth>): Partial<NodeCondition> => ({
  threads: [WELL, {...WELL, ...change}],
});

test.each([
  ['engine', second({turnAgeMs: 7_000}), 'engine thread 1 has stood still for 7 s'],
  ['stores', second({writeAgeMs: 6_000}), 'a write of engine thread 1 has waited 6 s for its disk'],
  ['disk', second({isDiskFull: true}), 'writes are refused'],
  ['replicas', {threads: [WELL, {...WELL, faultyReplicas: 3}]}, '3 replicas of this node'],
  ['meta', {metaSilentMs: 11_000}, 'the meta group has not been heard of for 11 s'],
] as [string, Partial<NodeCondition>, string][])(
  'what is wrong with the %s fails that part alone, and the node',
  (part, change, text) => {
    const {status, message, subsystems} = healthOf(condition(change));
    expect(status).toBe('fail');
    expect(message).toContain(text);
    for (const [name, subsystem] of Object.entries(subsystems))
      expect([name, subsystem.status]).toEqual([name, name === part ? 'fail' : 'pass']);
  },
);

test('all that is wrong is said', () => {
  const {message} = healthOf(condition({...second({isDiskFull: true}), metaSilentMs: 11_000}));
  expect(message).toMatch(/disk.*; the meta group/);
});
