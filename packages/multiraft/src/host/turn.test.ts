import type {ReplicaSetId} from '@flotilla/base';
import type {Output} from '@flotilla/raft';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import type {ObservedGroup} from './options.ts';

const SET = 1 as ReplicaSetId;

function saysNothing(output: Output): boolean {
  const {send, afterWrite, reads, dropped, proposed, configurations} = output;
  const {needEntries, wantSnapshot, transfers, write, apply, role} = output;
  const lists = [send, afterWrite, reads, dropped, proposed, configurations];
  const isAny = [...lists, needEntries, wantSnapshot, transfers].some(({length}) => length > 0);
  return !isAny && write === undefined && apply === undefined && role === undefined;
}

test('what is durable, acknowledged or applied costs no part in a turn where nothing follows', async () => {
  let parts = 0;
  let empty = 0;
  const idle = new Map<number, boolean>();
  const observer = {
    opened: () => undefined,
    sent: () => undefined,
    took: ({replica}: ObservedGroup, output: Output) => {
      parts += 1;
      if (saysNothing(output) && idle.get(replica) === output.idle) empty += 1;
      idle.set(replica, output.idle);
    },
  };
  const cluster = new TestCluster({observer});
  await cluster.startAll();
  await cluster.found(SET);
  await cluster.write(SET, 'first');
  [parts, empty] = [0, 0];
  for (let i = 0; i < 10; i++) {
    const values = Array.from({length: 20}, (_, n) => `${i}/${n}`);
    await Promise.all(values.map((value) => cluster.write(SET, value)));
  }
  expect(await cluster.agree(SET, [1, 2, 3], 201)).toBe(true);
  expect(parts).toBeGreaterThan(50);
  // Ticks of the leader, and acknowledgements behind which nothing waits: 27 of 130.
  expect(empty).toBeLessThan(parts * 0.3);
});
