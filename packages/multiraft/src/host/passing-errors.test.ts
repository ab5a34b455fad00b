// Goal: a replica that could not be opened since its disk could not be asked is tried again until it can be,
// ever more seldom and never seldomer than once a minute; what is damaged is not.

import {FatalError, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {type ListMachine, TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const NODE = 3;
/** Housekeeping comes about once a second. */
const LATE_MS = 1_500;

function failure(code: string, syscall = 'open'): FatalError {
  const cause = Object.assign(new Error(code), {code, syscall});
  return new FatalError(`cannot ${syscall} a file: ${code}`, cause);
}

/** Node 3 is down, and its replica has entries that it has not applied durably. */
async function withNodeDown() {
  const cluster = new TestCluster({limits: {cacheBytesMax: 0}});
  await cluster.startAll();
  const replicas = await cluster.found(1);
  for (const value of ['a', 'b', 'c']) await cluster.write(1, value);
  await cluster.agree(1, [1, 2, 3], 3);
  cluster.crash(NODE);
  return {cluster, replica: replicas[NODE - 1]!, disk: cluster.node(NODE).disk};
}

/** From the first on, when each attempt came. */
async function failing(error: Error) {
  const {cluster, replica} = await withNodeDown();
  const attempts: number[] = [];
  cluster.onOpen = () => {
    attempts.push(cluster.clock.monotonicMs());
    throw error;
  };
  const host = await cluster.start(NODE);
  return {cluster, replica, attempts, host};
}

test.each(['EMFILE', 'ENOMEM', 'ENOSPC', 'EIO'])(
  'a replica that cannot be opened for %s is opened by itself once it can be, and is never gone meanwhile',
  async (code) => {
    const {cluster, replica, attempts, host} = await failing(failure(code));
    for (let i = 0; i < 100; i++) {
      expect(host.broken().get(SET)).toMatchObject({replica, isLost: false});
      await cluster.clock.advance(100);
    }
    expect(attempts.length).toBeGreaterThan(2);
    const {retry} = host.broken().get(SET)!;
    expect(retry!.attempts).toBe(attempts.length);
    expect(cluster.reopened).toEqual([]);
    cluster.onOpen = () => {};
    expect(await cluster.clock.until(() => host.broken().size === 0, 60_000 + LATE_MS)).toBe(true);
    expect(cluster.reopened).toEqual([replica]);
    await cluster.write(1, 'd');
    expect(await cluster.agree(1, [1, 2, 3], 4)).toBe(true);
  },
);

test('the pauses between attempts double, up to a minute', async () => {
  const {cluster, attempts} = await failing(failure('EMFILE'));
  await cluster.clock.advance(600_000);
  const pauses = attempts.slice(1).map((atMs, i) => atMs - attempts[i]!);
  expect(pauses.length).toBeGreaterThan(10);
  for (const [i, pause] of pauses.entries()) {
    const wanted = Math.min(60_000, 1_000 * 2 ** i);
    expect(pause).toBeGreaterThanOrEqual(wanted);
    expect(pause).toBeLessThan(wanted + LATE_MS);
  }
});

test('a replica that is damaged is not tried again', async () => {
  const {cluster, attempts, host} = await failing(new FatalError('checksum mismatch'));
  await cluster.clock.advance(300_000);
  expect(attempts).toHaveLength(1);
  expect(host.broken().get(SET)!.retry).toBeUndefined();
});

test('what proves to be damage in a later attempt is not tried again, and an order begins anew', async () => {
  const {cluster, replica, attempts, host} = await failing(failure('EMFILE'));
  cluster.onOpen = () => {
    attempts.push(0);
    throw new FatalError('checksum mismatch');
  };
  await cluster.clock.advance(300_000);
  expect(attempts).toHaveLength(2);
  expect(host.broken().get(SET)).toMatchObject({reason: 'checksum mismatch', retry: undefined});
  cluster.onOpen = () => {
    throw failure('EMFILE');
  };
  await cluster.clock.resolve(host.reopenReplica({set: SET, replica}));
  expect(host.broken().get(SET)!.retry).toMatchObject({attempts: 1});
});

test('one that was destroyed is not tried again', async () => {
  const {cluster, replica, attempts, host} = await failing(failure('EMFILE'));
  // Its tombstone is durable; what is left of it is removed when its files can be.
  const destroying = cluster.clock.resolve(host.destroyReplica({set: SET, replica}));
  await expect(destroying).rejects.toThrow('EMFILE');
  const {length} = attempts;
  await cluster.clock.advance(300_000);
  expect(attempts).toHaveLength(length);
  expect(host.broken().size).toBe(0);
});

/** What the start reads of the log as a whole is kept for it: only later attempts read anew. */
async function failingAtSecond(second: (machine: ListMachine) => void) {
  const {cluster, attempts, host} = await failing(failure('EMFILE'));
  const {disk} = cluster.node(NODE);
  cluster.onOpen = (_node, machine) => {
    attempts.push(cluster.clock.monotonicMs());
    if (attempts.length > 2) return;
    second(machine);
    disk.fail({operation: 'read', path: 'segment', code: 'EIO'});
  };
  await cluster.clock.until(() => attempts.length === 2, 5_000);
  await cluster.clock.advance(10);
  return {cluster, attempts, host};
}

test('a log that cannot be read now is read later', async () => {
  const {cluster, host} = await failingAtSecond(() => {});
  expect(host.broken().get(SET)).toMatchObject({
    reason: expect.stringContaining('EIO'),
    retry: {attempts: 2},
  });
  expect(await cluster.clock.until(() => host.broken().size === 0, 10_000)).toBe(true);
  expect(await cluster.agree(1, [1, 2, 3], 3)).toBe(true);
});

test('a state machine that is open and cannot be closed is never opened a second time', async () => {
  const {cluster, attempts, host} = await failingAtSecond((machine) => {
    machine.closeError = new Error('a file is busy');
  });
  await cluster.clock.advance(300_000);
  const broken = host.broken().get(SET);
  expect(broken!.reason).toMatch(/EIO.* nor can it be closed: .*a file is busy/);
  expect(attempts).toHaveLength(2);
});
