import {DbError, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {beforeEach, expect, test} from 'vitest';
import {type Behaviour, errorOf, FakeCluster, fails, OK} from './fakes.fixture.ts';
import {LeaderDirectory} from './leader-directory.ts';
import {NodeWatch} from './node-watch.ts';
import {SetCaller} from './set-caller.ts';

let cluster: FakeCluster;
let caller: SetCaller;
let set: ReplicaSetId;

beforeEach(() => {
  cluster = new FakeCluster();
  caller = new SetCaller(cluster.callerPorts());
  [set] = cluster.addBucket() as [ReplicaSetId];
});

function behave(...nodes: Behaviour[]): void {
  cluster.rpc.behave = (node) => nodes[node - 1]!;
}

function call(deadlineMs = 4_000): Promise<Uint8Array> {
  return cluster.clock.resolve(
    caller.call({set, method: 'm', payload: new Uint8Array(1), deadlineMs}),
  );
}

const led = (leader: number) => fails('NOT_LEADER', 'elsewhere', {leader});

test('follows hints to the leader, and asks it first from then on', async () => {
  behave(led(3), led(3), OK);
  await call();
  await call();
  expect(cluster.rpc.asked).toEqual([1, 3, 3]);
});

test('a try that was never sent leaves no doubt; one that was sent does', async () => {
  const unsent = fails('DEADLINE_EXCEEDED', 'late', {sent: false});
  behave(unsent, unsent, unsent);
  expect((await errorOf(call())).code).toBe('UNAVAILABLE');
  expect((await errorOf(call(0))).code).toBe('UNAVAILABLE');
  behave(() => 'silent', unsent, unsent);
  expect((await errorOf(call(8_000))).code).toBe('OUTCOME_UNKNOWN');
});

test('a doubt is not forgotten for what a later try says', async () => {
  const nobody = fails('NO_LEADER', 'election');
  let first = true;
  behave(
    (...given) => {
      const doubtful = first;
      first = false;
      return doubtful ? fails('OUTCOME_UNKNOWN', 'lost')(...given) : nobody(...given);
    },
    fails('INVALID_ARGUMENT', 'too large'),
    nobody,
  );
  expect((await errorOf(call())).code).toBe('OUTCOME_UNKNOWN');
});

test('the word of apply ends all doubt', async () => {
  behave(fails('OUTCOME_UNKNOWN', 'lost'), fails('TABLE_NOT_FOUND', 'dropped', {table: 1}), OK);
  expect((await errorOf(call())).code).toBe('TABLE_NOT_FOUND');
});

test('a node that goes away is given up at once, and not asked while others are there', async () => {
  behave(() => 'silent', OK, OK);
  cluster.clock.setTimer(600, () => cluster.nodes.changed(1 as NodeId, false));
  await call();
  expect(cluster.clock.monotonicMs()).toBe(600);
  cluster.leaders.forget(set);
  await call();
  expect(cluster.rpc.asked).toEqual([1, 2, 2]);
});

test('where all nodes are away they are asked all the same', async () => {
  for (const node of [1, 2, 3]) cluster.nodes.changed(node as NodeId, false);
  behave(led(2), OK, OK);
  await call();
  expect(cluster.rpc.asked).toEqual([1, 2]);
});

test("an overloaded leader's own word is the answer", async () => {
  cluster.leaders.learn(set, 2 as NodeId);
  behave(led(2), fails('OVERLOADED', 'full'), led(2));
  expect((await errorOf(call())).code).toBe('OVERLOADED');
  expect(new Set(cluster.rpc.asked)).toEqual(new Set([2]));
});

test('what was refused for want of room is not sent once more so late that its outcome would be unknown', async () => {
  cluster.leaders.learn(set, 2 as NodeId);
  const {clock} = cluster;
  const fullThenSlow: Behaviour = (...given) =>
    clock.monotonicMs() < 3_000 ? fails('OVERLOADED', 'full')(...given) : 'silent';
  behave(led(2), fullThenSlow, led(2));
  expect((await errorOf(call())).code).toBe('OVERLOADED');
  expect(clock.monotonicMs()).toBeLessThanOrEqual(3_000);
  expect(clock.monotonicMs()).toBeGreaterThan(2_500);
});

test('where one try may have had its effect another is made to the end: it may be recognised', async () => {
  cluster.leaders.learn(set, 2 as NodeId);
  const {clock} = cluster;
  let isFirst = true;
  const doubtful: Behaviour = (...given) => {
    const wasFirst = isFirst;
    isFirst = false;
    if (wasFirst) return fails('OUTCOME_UNKNOWN', 'lost')(...given);
    return clock.monotonicMs() < 3_300 ? fails('OVERLOADED', 'full')(...given) : OK();
  };
  behave(doubtful, doubtful, doubtful);
  await call();
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(3_300);
});

test('a dropped replica set is not asked for until the deadline', async () => {
  cluster.apply({type: 'drop-bucket', bucket: cluster.catalog.replicaSet(set)!.bucket});
  expect((await errorOf(call())).code).toBe('STALE_EPOCH');
  expect(cluster.clock.monotonicMs()).toBe(0);
});

test('what was in doubt stays so though its set is dropped: it may have been read before', async () => {
  const drop = () =>
    cluster.apply({type: 'drop-bucket', bucket: cluster.catalog.replicaSet(set)!.bucket});
  const lost: Behaviour = (...given) => {
    drop();
    return fails('OUTCOME_UNKNOWN', 'its replica was destroyed')(...given);
  };
  behave(lost, lost, lost);
  expect((await errorOf(call())).code).toBe('OUTCOME_UNKNOWN');
});

test('a live node that keeps silent leaves time for another try', async () => {
  behave(() => 'silent', OK, OK);
  await call();
  expect(cluster.clock.monotonicMs()).toBe(2_000);
});

test('a frozen leader that the others still name is not asked again', async () => {
  cluster.leaders.learn(set, 1 as NodeId);
  const {clock, nodes, rpc} = cluster;
  const namesUntil =
    (ms: number, then: Behaviour): Behaviour =>
    (...given) =>
      (clock.monotonicMs() < ms ? led(1) : then)(...given);
  // The two live nodes draw their waits each for itself: 2 still believes in 1 when 3 no longer does.
  behave(() => 'silent', namesUntil(700, OK), namesUntil(700, led(2)));
  clock.setTimer(510, () => nodes.changed(1 as NodeId, false));
  // Who passes it on gives it up when the frozen node is suspect there too.
  rpc.pass = () =>
    new Promise((_resolve, reject) => {
      const lost = new DbError('OUTCOME_UNKNOWN', 'given up there');
      clock.setTimer(700 - clock.monotonicMs(), () => reject(lost));
    });
  await call();
  expect(clock.monotonicMs()).toBeLessThan(800);
  expect(rpc.asked.filter((node) => node === 1)).toEqual([1]);
});

test('a leader that only another node reaches is asked through that one', async () => {
  cluster.leaders.learn(set, 1 as NodeId);
  cluster.nodes.changed(1 as NodeId, false);
  behave(() => 'silent', fails('NO_LEADER', 'campaigns'), led(1));
  cluster.rpc.pass = OK;
  await call();
  expect(cluster.rpc.passed).toEqual(['3>1']);
  expect(cluster.clock.monotonicMs()).toBe(0);
});

test('a leader that was never met is asked through the node that names it', async () => {
  const nodes = new NodeWatch(2 as NodeId);
  nodes.changed(3 as NodeId, true);
  const leaders = new LeaderDirectory(nodes);
  caller = new SetCaller({...cluster.callerPorts(), nodes, leaders});
  behave(() => 'silent', fails('NO_LEADER', 'campaigns'), led(1));
  cluster.rpc.pass = OK;
  await call();
  expect(cluster.rpc.asked).toEqual([2, 3]);
  expect(cluster.rpc.passed).toEqual(['3>1']);
  nodes.changed(1 as NodeId, true);
  behave(OK, led(1), led(1));
  await call();
  expect(cluster.rpc.asked).toEqual([2, 3, 1]);
});

test('a write that was passed on, and whose answer was lost, is in doubt', async () => {
  cluster.nodes.changed(1 as NodeId, false);
  behave(() => 'silent', fails('NO_LEADER', 'campaigns'), led(1));
  cluster.rpc.pass = fails('OUTCOME_UNKNOWN', 'lost there');
  expect((await errorOf(call())).code).toBe('OUTCOME_UNKNOWN');
  expect(cluster.rpc.asked).not.toContain(1);
});

test('who waits for an election goes on as soon as anyone sees the leader', async () => {
  const {clock, leaders} = cluster;
  let isLed = false;
  const nobody = fails('NO_LEADER', 'election');
  const second: Behaviour = (...given) => (isLed ? OK : nobody)(...given);
  behave(nobody, second, nobody);
  clock.setTimer(905, () => {
    isLed = true;
    leaders.learn(set, 2 as NodeId);
  });
  await call();
  expect(clock.monotonicMs()).toBe(905);
});

test("an overloaded leader's answers to others shorten no wait for it", async () => {
  const {clock, leaders} = cluster;
  leaders.learn(set, 2 as NodeId);
  let asked = 0;
  behave(OK, async () => {
    asked += 1;
    clock.setTimer(1, () => leaders.learn(set, 2 as NodeId));
    throw new DbError('OVERLOADED', 'full');
  });
  await errorOf(call(1_000));
  expect(asked).toBeLessThan(20);
});

test('of those who wait for an election one looks for the leader, and all go on when it is found', async () => {
  const {clock, rpc} = cluster;
  const nobody = fails('NO_LEADER', 'election');
  const second: Behaviour = (...given) => (clock.monotonicMs() < 1_000 ? nobody : OK)(...given);
  behave(nobody, second, nobody);
  const calls: Promise<Uint8Array>[] = [];
  const begin = (): void => {
    const payload = new Uint8Array(1);
    calls.push(caller.call({set, method: 'm', payload, deadlineMs: 4_000}));
    if (calls.length < 100) clock.setTimer(10, begin);
  };
  begin();
  await clock.advance(999);
  expect(rpc.asked.length).toBeLessThan(600);
  await clock.resolve(Promise.all(calls));
  expect(clock.monotonicMs()).toBeLessThan(1_050);
});

test('a set that is still being made is asked rarely, and goes on when a replica here sees its leader', async () => {
  const {clock, rpc, leaders} = cluster;
  [set] = cluster.addUnopenedBucket(7_200_000) as [ReplicaSetId];
  const nobody = fails('UNAVAILABLE', 'not here yet');
  const third: Behaviour = (...given) => (clock.monotonicMs() < 1_001 ? nobody : OK)(...given);
  behave(nobody, nobody, third);
  clock.setTimer(1_001, () => leaders.learn(set, 3 as NodeId));
  await call();
  expect(clock.monotonicMs()).toBe(1_001);
  expect(rpc.asked.length).toBeLessThan(3 * 15);
});

test('who looks for a leader in vain is followed by another of those who wait', async () => {
  const {clock} = cluster;
  const nobody = fails('NO_LEADER', 'election');
  const second: Behaviour = (...given) => (clock.monotonicMs() < 1_000 ? nobody : OK)(...given);
  behave(nobody, second, nobody);
  const payload = new Uint8Array(1);
  const short = caller.call({set, method: 'm', payload, deadlineMs: 500});
  const long = caller.call({set, method: 'm', payload, deadlineMs: 4_000});
  expect((await errorOf(clock.resolve(short))).code).toBe('NO_LEADER');
  await clock.resolve(long);
  expect(clock.monotonicMs()).toBeLessThan(1_050);
});
