// Goal: a clean stop writes first what a restart would replay longest, many at a time, tells how far it
// is, and leaves the rest to the log in time. Method: hosts with some hundred groups whose state
// machines take their time over a flush.

import {FatalError, type Log, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SETS = 200;
const AT_A_TIME = 32;

interface Line {
  readonly fields: object;
  readonly message: string;
}

function logInto(lines: Line[]): Log {
  const add = (fields: object, message: string) => void lines.push({fields, message});
  return {info: add, warn: add, error: add};
}

/** Of each set another. */
const bytesOf = (set: number): number => (set * 7) % SETS;

/** One node with many groups of one replica; what was written to each tenth is flushed. */
async function withGroups(flushMs: number) {
  const lines: Line[] = [];
  const cluster = new TestCluster({nodes: 1, log: logInto(lines)});
  await cluster.startAll();
  const sets = Array.from({length: SETS}, (_, i) => i + 1);
  await Promise.all(sets.map((set) => cluster.found(set, [1])));
  for (const set of sets) await cluster.write(set, 'x'.repeat(10 * bytesOf(set) + 10));
  const flushed: number[] = [];
  let inFlight = 0;
  const seen = {inFlightMax: 0};
  for (const set of sets) {
    const machine = cluster.machine(1, set);
    const flush = machine.flush.bind(machine);
    // Nothing was applied since.
    if (set % 10 === 0) await flush();
    machine.flush = async () => {
      flushed.push(set);
      inFlight += 1;
      seen.inFlightMax = Math.max(seen.inFlightMax, inFlight);
      await new Promise<void>((resolve) => cluster.clock.setTimer(flushMs, resolve));
      await flush();
      inFlight -= 1;
    };
  }
  return {cluster, sets, flushed, seen, lines};
}

test('a clean stop flushes what has most to replay first, a bounded number at a time', async () => {
  const {cluster, sets, flushed, seen, lines} = await withGroups(100);
  await cluster.stop(1);
  const dirty = sets.filter((set) => set % 10 !== 0);
  expect(flushed).toEqual(dirty.sort((a, b) => bytesOf(b) - bytesOf(a)));
  expect(seen.inFlightMax).toBe(AT_A_TIME);
  expect(lines.filter(({message}) => message.includes('log'))).toEqual([]);
});

test('what cannot be flushed in time is left to the log, and is all there after the start', async () => {
  const {cluster, sets, flushed, lines} = await withGroups(700);
  const beganMs = cluster.clock.monotonicMs();
  await cluster.stop(1);
  expect(cluster.clock.monotonicMs() - beganMs).toBeLessThan(4_000);
  expect(flushed.length).toBe(3 * AT_A_TIME);
  const left = sets.filter((set) => set % 10 !== 0).length - flushed.length;
  expect(lines.at(-1)).toMatchObject({fields: {left}, message: expect.stringContaining('log')});
  expect(lines.some(({fields}) => 'flushed' in fields)).toBe(true);
  await cluster.start(1);
  for (const set of sets) expect(await cluster.agree(set, [1], 1), `set ${set}`).toBe(true);
  expect(cluster.host(1).status(1 as ReplicaSetId)?.stopped).toBeUndefined();
});

test.each([
  ['ENOSPC', 'write'],
  ['EMFILE', 'open'],
])('%s is no reason to stop otherwise than cleanly', async (code, syscall) => {
  const {cluster, sets} = await withGroups(0);
  const cause = Object.assign(new Error(code), {code, syscall});
  for (const set of sets)
    cluster.machine(1, set).flush = async () => {
      throw new FatalError(`cannot ${syscall}: ${code}`, cause);
    };
  await cluster.stop(1);
  await cluster.start(1);
  for (const set of sets) expect(await cluster.agree(set, [1], 1), `set ${set}`).toBe(true);
});
