import {FatalError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {ReplicaReport} from '@flotilla/catalog';
import type {Host} from '@flotilla/multiraft';
import {ReplicaMachine} from '@flotilla/replica';
import type {Edit} from '@flotilla/storage';
import {expect, test, vi} from 'vitest';
import type {EntryOrderBook} from './entry-orders.ts';
import {NodeReplicas, type ReplicaHostDeps} from './replica-host.ts';
import {NotesOfOthers, type ReplicaNote} from './replica-notes.ts';

const NODE = 3;

interface FakeGroup {
  readonly term: number;
  readonly isAsleep: boolean;
  flushed: number;
  readonly stopped?: string;
  readonly machine?: object;
}

function fakeReplicas() {
  const groups = new Map<number, FakeGroup>();
  const changed: number[] = [];
  /** Whose status was asked for. */
  const asked: number[] = [];
  const broken = new Map<number, {replica: number; reason: string}>();
  const buried: [number, number][] = [];
  const others = new NotesOfOthers();
  const host = {
    watchChanges: () => () => changed.splice(0) as ReplicaSetId[],
    status: (set: number) => {
      const group = groups.get(set);
      if (group === undefined) return undefined;
      asked.push(set);
      const numbers = {replica: set, commitIndex: 9, appliedIndex: 9, lastIndex: 9, configIndex: 5};
      const configuration = {voters: [set], learners: []};
      const rest = {role: 'follower', members: [], configuration, flushedIndex: group.flushed};
      return {set, ...numbers, ...group, ...rest};
    },
    stateMachine: (set: number) => {
      const group = groups.get(set);
      return group && (group.machine ?? {durablePoint: () => ({index: group.flushed})});
    },
    broken: () => broken,
    destroyReplica: (): Promise<void> => Promise.resolve(),
  };
  const replicas = new NodeReplicas({
    host: host as unknown as Host,
    others,
    isComplete: () => true,
    manifests: new Map(),
    orders: {forget: async () => undefined} as unknown as EntryOrderBook,
    onBuried: (set, replica) => void buried.push([set, replica]),
    onHosted: () => undefined,
  } as Partial<ReplicaHostDeps> as ReplicaHostDeps);
  const touch = (...sets: number[]): void => {
    changed.push(...sets);
  };
  return {groups, touch, asked, broken, others, replicas, host, buried};
}

async function reportsOf(replicas: NodeReplicas): Promise<ReplicaReport[]> {
  return [...(await replicas.reports()).all()];
}

test('only replicas in which something happened are looked at, and what is the same is not told again', async () => {
  const {groups, touch, asked, replicas} = fakeReplicas();
  for (let set = 1; set <= 100; set++) groups.set(set, {term: 1, isAsleep: true, flushed: 5});
  touch(...groups.keys());
  const book = await replicas.reports();
  expect(book.tellAll().changed.length).toBe(100);
  const news = async () => {
    expect(await replicas.reports()).toBe(book);
    const {changed, removed} = book.tellNews();
    return [changed.map(({set, term}) => [set, term]), removed];
  };
  asked.length = 0;
  expect(await news()).toEqual([[], []]);
  expect(asked).toEqual([]);
  // It woke and sleeps again: nothing that meta is told of.
  groups.set(7, {term: 1, isAsleep: false, flushed: 5});
  touch(7);
  expect(await news()).toEqual([[], []]);
  expect(asked).toEqual([7]);
  groups.set(8, {term: 2, isAsleep: true, flushed: 5});
  groups.delete(9);
  touch(8, 9);
  expect(await news()).toEqual([[[8, 2]], [9]]);
});

test('a replica that ends is told as gone when its tombstone is durable, and not before', async () => {
  const {groups, touch, replicas, host} = fakeReplicas();
  groups.set(7, {term: 1, isAsleep: true, flushed: 5});
  touch(7);
  const told = async () => (await reportsOf(replicas)).map(({set}) => set);
  expect(await told()).toEqual([7]);
  const key = {set: 7 as ReplicaSetId, replica: 7 as ReplicaId};
  let end: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  host.destroyReplica = () => {
    groups.delete(7);
    touch(7);
    return new Promise<void>((resolve, reject) => {
      [end, fail] = [resolve, reject];
    });
  };
  const failing = replicas.destroyReplica(key);
  expect(await told()).toEqual([7]);
  fail(new Error('EIO'));
  await expect(failing).rejects.toThrow('EIO');
  expect(await told()).toEqual([7]);
  const ending = replicas.destroyReplica(key);
  expect(await told()).toEqual([7]);
  end();
  await ending;
  expect(await told()).toEqual([]);
});

test('a repeated order to go on under a new id removes what the first one could not', async () => {
  const {groups, replicas, host, buried} = fakeReplicas();
  groups.set(7, {term: 1, isAsleep: true, flushed: 5});
  const order = {set: 7 as ReplicaSetId, replica: 7 as ReplicaId, from: 6 as ReplicaId};
  const taken: object[] = [];
  Object.assign(host, {takeOver: async (given: object) => void taken.push(given)});
  await replicas.createReplica({...order, createdAtVersion: 1});
  expect(taken).toEqual([order]);
  expect(buried).toEqual([[7, 6]]);
});

test('notes tell what was flushed since, though nothing else happened', () => {
  const {groups, touch, replicas} = fakeReplicas();
  groups.set(1, {term: 1, isAsleep: true, flushed: 5});
  touch(1);
  const [before] = replicas.ownNotes();
  expect(before!.status.flushedIndex).toBe(5);
  groups.get(1)!.flushed = 9;
  const [after] = replicas.ownNotes();
  expect(after!.status.flushedIndex).toBe(9);
  expect(after!.report).toBe(before!.report);
});

test('reports name what could not be opened, and what other threads host', async () => {
  const {groups, touch, broken, others, replicas} = fakeReplicas();
  const told = async () => (await reportsOf(replicas)).map(({set}) => set);
  groups.set(1, {term: 1, isAsleep: true, flushed: 5});
  touch(1);
  broken.set(2, {replica: 2, reason: 'damaged'});
  const note = (set: number, replica: number) =>
    ({report: {set, replica}, status: {set, replica}}) as ReplicaNote;
  others.take(1, {changed: [note(3, 3), note(4, 4)], gone: []});
  expect(await told()).toEqual([1, 2, 3, 4]);
  broken.clear();
  // Another replica of the set came after it.
  others.take(1, {changed: [note(4, 5)], gone: [3 as ReplicaSetId]});
  expect(await told()).toEqual([1, 4]);
  expect((await reportsOf(replicas)).map(({replica}) => replica)).toEqual([1, 5]);
});

test('one that could not be opened for a reason that passes is told as that, and not as damaged', async () => {
  const {broken, replicas} = fakeReplicas();
  const reason = 'cannot open store-0/1: EMFILE';
  const told = async (retry?: object) => {
    broken.set(1, {replica: 1, reason, isLost: false, retry} as never);
    const [report] = await reportsOf(replicas);
    const [note] = replicas.notes();
    return [report!.role, report!.fault, report!.damaged, note!.status.stopped];
  };
  const passing = `${reason}; this may pass: tried 3 times, and tried again by itself`;
  const retry = {attempts: 3, atMs: 7_000};
  expect(await told(retry)).toEqual(['stopped', reason, undefined, passing]);
  expect(await told()).toEqual(['stopped', reason, true, reason]);
});

test('a replica that is opened after all is told as it is, and one that cannot be opened any more as that', async () => {
  const {groups, touch, broken, replicas} = fakeReplicas();
  const told = async () => (await reportsOf(replicas)).map(({set, role}) => [set, role]);
  broken.set(1, {replica: 1, reason: 'damaged'});
  expect(await told()).toEqual([[1, 'stopped']]);
  broken.clear();
  groups.set(1, {term: 1, isAsleep: true, flushed: 5});
  touch(1);
  expect(await told()).toEqual([[1, 'follower']]);
  groups.delete(1);
  broken.set(1, {replica: 1, reason: 'damaged'});
  touch(1);
  expect(await told()).toEqual([[1, 'stopped']]);
  broken.clear();
  expect(await told()).toEqual([]);
});

test('a replica that stopped for a damaged part is told as damaged, so that meta replaces it', async () => {
  const {groups, touch, replicas} = fakeReplicas();
  const isDamaged = {value: false, writable: true};
  const machine = Object.create(ReplicaMachine.prototype, {
    isDamaged,
    isWritten: {value: true},
    work: {value: undefined},
    workRead: {value: undefined},
    diskBytes: {value: 7},
    writtenBytes: {value: 9},
  });
  const group = {term: 1, isAsleep: false, flushed: 5, machine};
  groups.set(1, group);
  touch(1);
  const [before] = await reportsOf(replicas);
  expect([before!.written, before!.damaged]).toEqual([true, undefined]);
  expect([before!.diskBytes, before!.writtenBytes]).toEqual([7, 9]);
  machine.isDamaged = true;
  groups.set(1, {...group, stopped: 'checksum mismatch'});
  touch(1);
  const [after] = await reportsOf(replicas);
  expect([after!.damaged, after!.fault]).toEqual([true, 'checksum mismatch']);
});

test('damage that a compaction meets is told though nothing is written, and the replica leads', async () => {
  const {groups, touch, replicas} = fakeReplicas();
  const machine = Object.create(ReplicaMachine.prototype, {
    isDamaged: {value: false, writable: true},
    isWritten: {value: true},
    work: {value: undefined},
    workRead: {value: undefined},
    diskBytes: {value: 7},
    writtenBytes: {value: 9},
    durablePoint: {value: () => ({index: 5})},
  });
  groups.set(1, {term: 1, isAsleep: true, flushed: 5, machine});
  touch(1);
  expect((await reportsOf(replicas))[0]!.damaged).toBeUndefined();
  machine.isDamaged = true;
  replicas.lookForFlushes();
  expect((await reportsOf(replicas))[0]).toMatchObject({damaged: true, fault: undefined});
  expect([...replicas.ownNotes()][0]!.status.damaged).toBe(true);
});

test('the end of work is told, though the replica sleeps', async () => {
  const {groups, touch, replicas} = fakeReplicas();
  const running = {operation: 4, work: 'checksum', state: 'running', index: 9};
  const own = {
    isDamaged: {value: false},
    diskBytes: {value: 0},
    writtenBytes: {value: 0},
    isWritten: {value: true},
    workRead: {value: {bytes: 5, bytesTotal: 9}},
    durablePoint: {value: () => ({index: 5})},
  };
  const work = {value: running, writable: true};
  const machine = Object.create(ReplicaMachine.prototype, {...own, work});
  groups.set(1, {term: 1, isAsleep: true, flushed: 5, machine});
  touch(1);
  const told = async () => (await reportsOf(replicas))[0]!.work;
  expect(await told()).toEqual(running);
  expect([...replicas.notes()][0]!.workRead).toEqual({bytes: 5, bytesTotal: 9});
  machine.work = {...running, state: 'done', hash: 'aa'};
  expect(await told()).toMatchObject({state: 'done', hash: 'aa'});
  // From then on nobody looks at it any more, unless it stirs.
  machine.work = running;
  expect(await told()).toMatchObject({state: 'done'});
});

test('news are what changed since they were asked for, at first all', () => {
  const {groups, touch, broken, replicas} = fakeReplicas();
  const sets = () => {
    const news = replicas.news();
    return news && [news.changed.map(({status}) => status.set), news.gone];
  };
  expect(sets()).toEqual([[], []]);
  for (const set of [1, 2, 3]) groups.set(set, {term: 1, isAsleep: true, flushed: 5});
  touch(1, 2, 3);
  expect(sets()).toEqual([[1, 2, 3], []]);
  expect(sets()).toBeUndefined();
  groups.delete(2);
  touch(2, 3);
  expect(sets()).toEqual([[3], [2]]);
  groups.get(1)!.flushed = 9;
  expect(sets()).toBeUndefined();
  replicas.lookForFlushes();
  expect(sets()).toEqual([[1], []]);
  broken.set(4, {replica: 4, reason: 'damaged'});
  expect(sets()).toEqual([[4], []]);
  broken.clear();
  expect(sets()).toEqual([[], [4]]);
});

/** Thread 1 of a node whose set 1 belongs to thread 0 by its number, and set 2 to thread 1. */
function withLoss(hosted: {live?: object; broken?: object; refusals?: number} = {}) {
  const said: string[] = [];
  const seat = (id: number, replica: number) => ({id, replicas: [{replica, node: NODE}]});
  const sets = [seat(1, 11), seat(2, 12)];
  const broken = new Map(Object.entries(hosted.broken ?? {}).map(([set, one]) => [+set, one]));
  const live = new Map(Object.entries(hosted.live ?? {}).map(([set, one]) => [+set, one]));
  const catalog = {
    metaSet: () => undefined,
    replicaSets: () => sets,
    replicaSet: (set: number) => ({bucket: set, database: 1}),
    bucket: () => ({startMs: 0, replicaSets: [1]}),
    database: () => ({id: 1, options: {precision: 'ns'}}),
    tenant: () => undefined,
  };
  const host = {
    hasLoss: false,
    watchChanges: () => () => [],
    status: (set: number) => live.get(set),
    broken: () => broken,
    learnLoss: () => {
      host.hasLoss = true;
    },
    bringBackLost: async ({set, replica}: {set: number; replica: number}) => {
      said.push(`back ${set} ${replica}`);
    },
    destroyReplica: async ({set, replica}: {set: number; replica: number}) => {
      said.push(`destroyed ${set} ${replica}`);
      live.delete(set);
      broken.delete(set);
    },
    settleLoss: async () => {
      host.hasLoss = false;
    },
    createReplica: async ({set, replica}: {set: number; replica: number}) => {
      said.push(`made ${set} ${replica}`);
    },
  };
  const births: string[] = [];
  let refusals = hosted.refusals ?? 0;
  const manifest = {
    get: () => undefined,
    commit: async ({put = []}: Edit) => {
      if (refusals-- > 0) throw new FatalError('the disk is full');
      births.push(...put.map(([key]) => key));
    },
  };
  const nothing = async () => undefined;
  const replicas = new NodeReplicas({
    host,
    copy: {catalog, refresh: nothing, waitForVersion: nothing},
    node: NODE,
    isOwn: (set: number) => set % 2 === 0,
    storeOf: () => 1,
    manifests: new Map([[1, manifest]]),
    orders: {bear: async () => undefined, forget: async () => undefined},
    monotonicMs: () => 0,
    onHosted: (set: number, isHere: boolean) => said.push(`hosted ${set} ${isHere}`),
    onBuried: () => undefined,
    onBroughtBack: () => said.push('done'),
    log: {warn: () => undefined, error: () => undefined},
  } as unknown as ReplicaHostDeps);
  const heard = async (elsewhere: number[]) => {
    replicas.learnLoss(elsewhere as ReplicaSetId[]);
    await vi.waitFor(() => expect(said).toContain('done'));
    return said;
  };
  return {replicas, heard, said, births, host};
}

test('a thread that lost nothing brings back what a thread before it may have lost', async () => {
  const {replicas, heard} = withLoss();
  expect(replicas.isSettled()).toBe(true);
  expect(await heard([])).toEqual(['back 2 12', 'hosted 2 true', 'done']);
  // Not before all threads have done so.
  expect(replicas.isSettled()).toBe(false);
  const key = {set: 1 as ReplicaSetId, replica: 11 as ReplicaId};
  await expect(replicas.destroyReplica(key)).rejects.toMatchObject({code: 'UNAVAILABLE'});
  await replicas.settleLoss();
  expect(replicas.isSettled()).toBe(true);
});

test('what another thread holds a replica of is brought back there, if at all', async () => {
  expect(await withLoss().heard([2])).toEqual(['done']);
  const broken = {1: {replica: 5, reason: 'older', isLost: true}};
  // By its number the set is another thread's.
  const said = await withLoss({broken}).heard([2]);
  expect(said).toEqual(['destroyed 1 5', 'hosted 1 false', 'back 1 11', 'hosted 1 true', 'done']);
});

test('what could not be brought back at once is, though its older replica is gone by then', async () => {
  const broken = {1: {replica: 5, reason: 'older', isLost: true}};
  const {replicas, said} = withLoss({broken, refusals: 1});
  replicas.learnLoss([2] as ReplicaSetId[]);
  await vi.waitFor(() => {
    replicas.isSettled(); // Asking sets it going again.
    expect(said).toContain('done');
  });
  expect(said).toEqual(['destroyed 1 5', 'hosted 1 false', 'back 1 11', 'hosted 1 true', 'done']);
});

test('a late order to destroy an older one says nothing of a broken younger one', async () => {
  const {replicas, said, host} = withLoss({broken: {2: {replica: 12, isLost: false}}});
  host.destroyReplica = async () => undefined; // A tombstone, no more.
  await replicas.destroyReplica({set: 2 as ReplicaSetId, replica: 5 as ReplicaId});
  expect(said).toEqual([]);
});

test('a replica that is not lost stays where the catalog seats a younger one', async () => {
  const younger = {live: {2: {replica: 5}}};
  expect(await withLoss(younger).heard([])).toEqual(['done']);
  const unreadable = {broken: {2: {replica: 5, reason: 'its manifest', isLost: false}}};
  expect(await withLoss(unreadable).heard([])).toEqual(['done']);
  const same = {broken: {2: {replica: 12, reason: 'older', isLost: true}}};
  expect(await withLoss(same).heard([])).toEqual(['done']);
});

test('what its set skips is on disk before a replica is made, and goes when it is gone', async () => {
  const done: string[] = [];
  const step = (what: string) => async () => void done.push(what);
  const [set, replica] = [1 as ReplicaSetId, 11 as ReplicaId];
  const catalog = {
    replicaSet: () => ({bucket: 1, database: 1}),
    bucket: () => ({startMs: 0, replicaSets: []}),
    database: () => ({id: 1, options: {precision: 'ns'}}),
    tenant: () => undefined,
  };
  const replicas = new NodeReplicas({
    host: {
      watchChanges: () => () => [],
      status: () => undefined,
      broken: () => new Map(),
      createReplica: step('create'),
      destroyReplica: step('destroy'),
    },
    copy: {catalog, waitForVersion: async (version: number) => void done.push(`wait ${version}`)},
    monotonicMs: () => 0,
    storeOf: () => 1,
    manifests: new Map([[1, {get: () => undefined, commit: step('birth')}]]),
    orders: {bear: step('bear'), forget: step('forget')},
    onHosted: () => undefined,
    onBuried: () => undefined,
  } as unknown as ReplicaHostDeps);
  await replicas.createReplica({set, replica, createdAtVersion: 9});
  await replicas.destroyReplica({set, replica});
  expect(done).toEqual(['wait 9', 'birth', 'bear', 'create', 'destroy', 'forget']);
});

test('one that is ordered while an older one is about to be destroyed has its birth when it is made', async () => {
  const {replicas, said, births} = withLoss({live: {1: {replica: 5}}});
  const order = {set: 1 as ReplicaSetId, replica: 11 as ReplicaId, createdAtVersion: 0};
  await replicas.createReplica(order);
  expect(births).toEqual(['birth/1/11']);
  expect(said).toEqual(['made 1 11', 'hosted 1 true']);
  // The same order again.
  await replicas.createReplica({...order, replica: 5 as ReplicaId});
  expect(births).toEqual(['birth/1/11']);
});
