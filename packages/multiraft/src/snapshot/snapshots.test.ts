import {crc32} from 'node:zlib';
import {
  FatalError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
} from '@flotilla/base';
import {EMPTY_CONFIGURATION} from '@flotilla/raft';
import {
  ByteWriter,
  encodeSnapshotBegin,
  encodeSnapshotChunk,
  type ItemKind,
  readItems,
  startGroupsFrame,
  writeItem,
} from '@flotilla/wire';
import {expect, test} from 'vitest';
import {type ListMachine, TestCluster} from '../host/cluster.fixture.ts';
import type {HostLimits} from '../host/options.ts';
import {WINDOW_BYTES} from './snapshot-sender.ts';

const SET = 1 as ReplicaSetId;

/** Four nodes, three voters with some 600 KB of state, a learner about to come on the fourth. */
async function prepared(
  options: {seed?: number; bytesPerMs?: number; limits?: Partial<HostLimits>} = {},
) {
  const cluster = new TestCluster({nodes: 4, ...options});
  await cluster.startAll();
  await cluster.found(1);
  for (let i = 0; i < 6; i++) await cluster.write(1, `${i}`.repeat(100_000));
  const learner = cluster.place(4);
  await cluster.clock.resolve(cluster.host(4).createReplica({set: SET, replica: learner}));
  return {cluster, learner};
}

async function addLearner(cluster: TestCluster, id: ReplicaId): Promise<void> {
  const deadlineMs = cluster.clock.monotonicMs() + 60_000;
  const leader = cluster.host(cluster.leader(1));
  const add = leader.proposeConfig(SET, [{type: 'learner', id}], 'simple', {deadlineMs});
  await cluster.clock.resolve(add);
}

test('never more than the window is unacknowledged, and nothing of it stays behind', async () => {
  const {cluster, learner} = await prepared({bytesPerMs: 1_250});
  let inFlight = 0;
  let highest = 0;
  cluster.network.tap = ({channel, frame, to}) => {
    if (channel !== 'bulk') return;
    for (const item of readItems(frame)) {
      if (item.kind === 'snapshotChunk') inFlight += item.payload.length;
      if (item.kind === 'snapshotAck' && to !== 4) inFlight -= 64 * 1024;
    }
    highest = Math.max(highest, inFlight);
  };
  const term = cluster.status(1, 1)!.term;
  await addLearner(cluster, learner);
  expect(await cluster.agree(1, [1, 2, 3, 4], 6, 30_000)).toBe(true);
  expect(highest).toBeGreaterThan(64 * 1024);
  expect(highest).toBeLessThanOrEqual(WINDOW_BYTES + 1_024);
  expect(cluster.status(1, 1)!.term).toBe(term);
  await cluster.clock.advance(500);
  expect(await cluster.node(4).disk.list('store-0/staging')).toEqual([]);
});

test('snapshots are sent no faster than they may be, however fast the link is', async () => {
  const {cluster, learner} = await prepared({limits: {snapshotBytesPerSecond: 2 ** 20}});
  for (let i = 0; i < 10; i++) await cluster.write(1, `${i}`.repeat(100_000));
  const beganMs = cluster.clock.monotonicMs();
  await addLearner(cluster, learner);
  const isThere = () => cluster.host(4).metrics().snapshotsReceived === 1;
  expect(await cluster.clock.until(isThere, 30_000)).toBe(true);
  // 1.6 MB, the first half a megabyte of it at once.
  expect(cluster.clock.monotonicMs() - beganMs).toBeGreaterThan(900);
});

test('lost frames are sent again from what was acknowledged', async () => {
  const {cluster, learner} = await prepared();
  await addLearner(cluster, learner);
  cluster.network.lossRate = 0.2;
  const sender = cluster.status(cluster.leader(1), 1)!.replica;
  expect(await cluster.agree(1, [1, 2, 3, 4], 6, 60_000)).toBe(true);
  expect(cluster.status(4, 1)!.receivedFrom).toBe(sender);
});

test('a receiver that crashes at any moment comes back empty or with the whole snapshot', async () => {
  for (let seed = 0; seed < 12; seed++) {
    const {cluster, learner} = await prepared({seed, bytesPerMs: 20_000});
    await addLearner(cluster, learner);
    await cluster.clock.advance(2 + seed * 4);
    cluster.crash(4);
    await cluster.clock.advance(new SeededRandom(seed).below(200));
    await cluster.start(4);
    expect(await cluster.agree(1, [1, 2, 3, 4], 6, 60_000), `seed ${seed}`).toBe(true);
    await cluster.clock.advance(1_000);
    expect(await cluster.node(4).disk.list('store-0/staging'), `seed ${seed}`).toEqual([]);
  }
});

test('what is whole, and is not named durably for want of a descriptor, does not stay', async () => {
  const {cluster, learner} = await prepared();
  const {disk} = cluster.node(4);
  const sync = disk.syncDirectory.bind(disk);
  const cause = Object.assign(new Error('EMFILE'), {code: 'EMFILE', syscall: 'open'});
  let isRefused = true;
  let refusals = 0;
  disk.syncDirectory = async (path) => {
    if (!isRefused || path !== 'store-0/staging') return sync(path);
    refusals += 1;
    throw new FatalError('cannot sync directory: EMFILE', cause);
  };
  await addLearner(cluster, learner);
  for (let i = 0; i < 2; i++) {
    expect(await cluster.clock.until(() => refusals > i, 30_000)).toBe(true);
    // The next has another index.
    await cluster.write(1, 'more');
  }
  await cluster.clock.advance(10);
  expect(disk.files().filter((path) => path.includes('staging/1-'))).toEqual([]);
  isRefused = false;
  expect(await cluster.agree(1, [1, 2, 3, 4], 8, 60_000)).toBe(true);
  await cluster.clock.advance(1_000);
  expect(await disk.list('store-0/staging')).toEqual([]);
});

test('a crash between the record and the installation is redone at the start', async () => {
  const {cluster, learner} = await prepared();
  const machine = cluster.machine(4, 1);
  let began = false;
  machine.install = () => {
    began = true;
    return new Promise<void>(() => {});
  };
  await addLearner(cluster, learner);
  expect(await cluster.clock.until(() => began)).toBe(true);
  cluster.crash(4);
  cluster.network.isolate(4 as NodeId);
  await cluster.start(4);
  expect(cluster.values(4, 1)).toHaveLength(6);
});

test('nothing of a snapshot stays staged where its replica goes while it is installed', async () => {
  const {cluster, learner} = await prepared();
  const machine = cluster.machine(4, 1);
  const install = machine.install.bind(machine);
  const {promise, resolve} = Promise.withResolvers<void>();
  let began = false;
  machine.install = async (staged) => {
    began = true;
    await promise;
    await install(staged);
  };
  await addLearner(cluster, learner);
  expect(await cluster.clock.until(() => began)).toBe(true);
  const destroyed = cluster.host(4).destroyReplica({set: SET, replica: learner});
  await cluster.clock.advance(100);
  resolve();
  await cluster.clock.resolve(destroyed);
  await cluster.clock.advance(100);
  expect(await cluster.node(4).disk.list('store-0/staging')).toEqual([]);
});

test('nor where it goes in the moment in which the snapshot is whole', async () => {
  const {cluster, learner} = await prepared();
  const {disk} = cluster.node(4);
  cluster.slow(4, 50);
  await addLearner(cluster, learner);
  const isWhole = () => disk.files().some((path) => /staging\/\d+-\d+-\d+\//.test(path));
  expect(await cluster.clock.until(isWhole)).toBe(true);
  await cluster.clock.resolve(cluster.host(4).destroyReplica({set: SET, replica: learner}));
  await cluster.clock.advance(1_000);
  expect(await disk.list('store-0/staging')).toEqual([]);
});

/** Attempts of node 4 to install what it was sent. @param fault  with which that one, from 1, fails. */
async function failingToInstall(fault: (attempt: number) => FatalError | undefined) {
  const {cluster, learner} = await prepared();
  const attempts: number[] = [];
  const failInstall = (machine: ListMachine): void => {
    const install = machine.install.bind(machine);
    machine.install = async (staged) => {
      attempts.push(cluster.clock.monotonicMs());
      const error = fault(attempts.length);
      if (error !== undefined) throw error;
      await install(staged);
    };
  };
  failInstall(cluster.machine(4, 1));
  cluster.onOpen = (_node, machine) => failInstall(machine);
  await addLearner(cluster, learner);
  expect(await cluster.clock.until(() => attempts.length > 0)).toBe(true);
  return {cluster, learner, attempts, staging: () => cluster.node(4).disk.list('store-0/staging')};
}

function refused(code: string): FatalError {
  return new FatalError(code, Object.assign(new Error(code), {code, syscall: 'link'}));
}

test.each(['ENOSPC', 'EMFILE'])(
  'a snapshot that cannot be installed for %s is installed by itself once it can be, and goes',
  async (code) => {
    let isThereRoom = false;
    const {cluster, learner, attempts, staging} = await failingToInstall(() =>
      isThereRoom ? undefined : refused(code),
    );
    await cluster.clock.advance(30_000);
    expect(attempts.length).toBeGreaterThan(4);
    expect(cluster.host(4).broken().get(SET)).toMatchObject({replica: learner, isLost: false});
    expect(await staging()).toHaveLength(1);
    isThereRoom = true;
    expect(await cluster.clock.until(() => cluster.reopened.length > 0, 60_000)).toBe(true);
    expect(cluster.reopened).toEqual([learner]);
    expect(cluster.host(4).faultyReplicas).toBe(0);
    expect(await cluster.agree(1, [1, 2, 3, 4], 6, 30_000)).toBe(true);
    expect(await staging()).toEqual([]);
  },
);

test('one that was refused but once is installed in the same second', async () => {
  const {cluster, learner, attempts, staging} = await failingToInstall((attempt) =>
    attempt === 1 ? refused('EMFILE') : undefined,
  );
  await cluster.clock.advance(1_000);
  expect([attempts.length, cluster.reopened]).toEqual([2, [learner]]);
  expect(await cluster.agree(1, [1, 2, 3, 4], 6)).toBe(true);
  expect(await staging()).toEqual([]);
});

test.each([new FatalError('checksum mismatch'), refused('ENOSPC')])(
  'a replica that is destroyed leaves nothing staged, after: %s',
  async (error) => {
    const {cluster, learner, staging} = await failingToInstall(() => error);
    await cluster.clock.advance(5_000);
    expect(await staging()).toHaveLength(1);
    await cluster.clock.resolve(cluster.host(4).destroyReplica({set: SET, replica: learner}));
    await cluster.clock.advance(100);
    expect(await staging()).toEqual([]);
  },
);

test('a snapshot for which no file can be opened is refused, and its store goes on', async () => {
  const {cluster, learner} = await prepared();
  const stops: unknown[] = [];
  cluster.host(4).onStopped((stop) => stops.push(stop));
  const fault = {operation: 'open', path: 'incoming', code: 'EMFILE', times: 2} as const;
  cluster.node(4).disk.fail(fault);
  await addLearner(cluster, learner);
  expect(await cluster.agree(1, [1, 2, 3, 4], 6, 30_000)).toBe(true);
  expect(stops).toEqual([]);
});

test('a sender that crashes is replaced by the next leader', async () => {
  const {cluster, learner} = await prepared({bytesPerMs: 2_000});
  await addLearner(cluster, learner);
  await cluster.clock.advance(60);
  cluster.crash(cluster.leader(1));
  const rest = cluster.nodes.filter((node) => node.host !== undefined).map((node) => node.id);
  expect(await cluster.agree(1, rest, 6, 60_000)).toBe(true);
});

function bulk(kind: ItemKind, payload: Uint8Array): Uint8Array {
  const writer = new ByteWriter(256);
  startGroupsFrame(writer, 0);
  writeItem(writer, {kind, set: SET, payload});
  return writer.finish();
}

test('transfers that two leaders begin in turn do not take each other away, on a slow disk', async () => {
  const {cluster, learner} = await prepared();
  cluster.slow(4, 300);
  const payload = new TextEncoder().encode('["a"]');
  const configuration = {...EMPTY_CONFIGURATION, voters: [101, 102, 103], learners: [learner]};
  const begin = (from: number, transfer: number) => {
    const envelope = {
      type: 'snapshot',
      from: 100 + from,
      to: learner,
      term: 90,
      session: 1,
    } as const;
    const snapshot = {index: 50, term: 90, configuration, configIndex: 20};
    const files = [{name: 'values.json', bytes: payload.length}];
    const message = encodeSnapshotBegin({transfer, message: {...envelope, snapshot}, files});
    cluster.host(4).receive(from as NodeId, 'bulk', bulk('snapshotBegin', message));
  };
  const chunk = (from: number, transfer: number, crc = crc32(payload)) => {
    const whole = encodeSnapshotChunk({transfer, file: 0, offset: 0, payload, crc});
    cluster.host(4).receive(from as NodeId, 'bulk', bulk('snapshotChunk', whole));
  };
  begin(1, 7);
  await cluster.clock.advance(1_000);
  chunk(1, 7, 0);
  await cluster.clock.advance(2_000);
  // It came damaged and counts for nothing.
  const staging = await cluster.node(4).disk.list('store-0/staging');
  expect(staging.map(({name}) => name.split('-')[0])).toEqual(['incoming']);
  chunk(1, 7);
  await cluster.clock.advance(100);
  begin(2, 8);
  begin(1, 7);
  for (let i = 0; i < 40; i++) {
    await cluster.clock.advance(100);
    chunk(1, 7);
  }
  expect(cluster.status(4, 1)!.stopped).toBeUndefined();
  expect(cluster.values(4, 1)).toEqual(['a']);
  await cluster.clock.advance(2_000);
  expect(await cluster.node(4).disk.list('store-0/staging')).toEqual([]);
});

test('a batch that waits to be applied is void once a snapshot takes its place', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  const voters = await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const follower = leader === 1 ? 2 : 1;
  const machine = cluster.machine(follower, 1);
  machine.isReady = false;
  await cluster.write(1, 'b');
  await cluster.clock.advance(200);
  const {term} = cluster.status(leader, 1)!;
  const payload = new TextEncoder().encode('["snapshot"]');
  const configuration = {...EMPTY_CONFIGURATION, voters};
  const snapshot = {index: 50, term, configuration, configIndex: 5};
  const [from, to] = [voters[leader - 1]!, voters[follower - 1]!];
  const message = {type: 'snapshot', from, to, term, session: 1, snapshot} as const;
  const files = [{name: 'values.json', bytes: payload.length}];
  const receive = (frame: Uint8Array) =>
    cluster.host(follower).receive(leader as NodeId, 'bulk', frame);
  receive(bulk('snapshotBegin', encodeSnapshotBegin({transfer: 7, message, files})));
  await cluster.clock.advance(20);
  const chunk = {transfer: 7, file: 0, offset: 0, payload, crc: crc32(payload)};
  receive(bulk('snapshotChunk', encodeSnapshotChunk(chunk)));
  expect(await cluster.clock.until(() => machine.values[0] === 'snapshot')).toBe(true);
  machine.isReady = true;
  await cluster.clock.advance(500);
  expect(cluster.status(follower, 1)).toMatchObject({stopped: undefined, appliedIndex: 50});
  expect(machine.values).toEqual(['snapshot']);
});
