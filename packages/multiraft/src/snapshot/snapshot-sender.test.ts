import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {EMPTY_CONFIGURATION} from '@flotilla/raft';
import {drainReactions} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import type {Snapshot} from '../state-machine.ts';
import {SnapshotSender} from './snapshot-sender.ts';

const TO = 12 as ReplicaId;
const point = {index: 9, term: 5, configuration: {...EMPTY_CONFIGURATION, voters: [11, 12]}};

type Of<At extends number> = ConstructorParameters<typeof SnapshotSender>[At];
type Group = Parameters<SnapshotSender['want']>[0];

test('a transfer is given up when it stands for long, however long its snapshot took to make', async () => {
  let nowMs = 0;
  const made = Promise.withResolvers<Snapshot>();
  const steps: object[] = [];
  const frames: Uint8Array[] = [];
  const driver = {
    step: (_group: Group, input: object) => steps.push(input),
    nodeOf: () => 2 as NodeId,
  };
  const transport = {
    send: (_to: NodeId, _channel: string, frame: Uint8Array) => frames.push(frame) > 0,
  };
  const group = {
    set: 1 as ReplicaSetId,
    isGone: false,
    isLeader: true,
    machine: {snapshot: () => made.promise},
    store: {log: {group: () => undefined}},
  } as unknown as Group;
  const sender = new SnapshotSender(driver as unknown as Of<0>, transport as unknown as Of<1>, {
    isGone: () => false,
    sentMax: 2,
    bytesPerSecond: 2 ** 20,
    thread: 0,
    now: () => nowMs,
    firstId: 1,
  });
  const tickAt = (atMs: number): void => {
    nowMs = atMs;
    sender.tick(atMs);
  };
  sender.want(group, TO);
  // It waits for the flushes of others.
  for (const atMs of [20_000, 40_000, 60_000]) tickAt(atMs);
  expect(steps).toEqual([]);
  let released = 0;
  const release = (): void => {
    released += 1;
  };
  made.resolve({point, files: [], release});
  await drainReactions();
  tickAt(60_500);
  expect(steps).toMatchObject([{type: 'snapshotReady', to: TO, snapshot: {index: 9}}]);
  const snapshot = {...point, configIndex: 9};
  sender.begin(group, {type: 'snapshot', from: 11, to: TO, term: 5, session: 1, snapshot});
  expect(frames).toHaveLength(1);
  for (const atMs of [70_000, 80_000, 89_000]) tickAt(atMs);
  expect(released).toBe(0);
  tickAt(90_000);
  expect(steps.at(-1)).toEqual({type: 'snapshotSent', to: TO, ok: false});
  expect(released).toBe(1);
});

test('for a node that is gone nothing is made until it is back, and others are served meanwhile', () => {
  const gone = new Set([2]);
  const made: number[] = [];
  const driver = {
    step: () => undefined,
    nodeOf: (_group: Group, replica: number) => (replica > 50 ? 3 : 2) as NodeId,
  };
  const groupOf = (set: number) =>
    ({
      set: set as ReplicaSetId,
      isGone: false,
      isLeader: true,
      machine: {
        snapshot: () => {
          made.push(set);
          return new Promise(() => undefined);
        },
      },
    }) as unknown as Group;
  const sender = new SnapshotSender(
    driver as unknown as Of<0>,
    {send: () => true} as unknown as Of<1>,
    {
      isGone: (node) => gone.has(node),
      sentMax: 2,
      bytesPerSecond: 2 ** 20,
      thread: 0,
      now: () => 0,
      firstId: 1,
    },
  );
  for (const set of [1, 2, 3]) sender.want(groupOf(set), set as ReplicaId);
  sender.want(groupOf(4), 54 as ReplicaId);
  sender.tick(50);
  expect(made).toEqual([4]);
  gone.clear();
  sender.tick(100);
  expect(made).toEqual([4, 1]);
});

test('why a snapshot cannot be made or read is told, once a minute of each group', async () => {
  let nowMs = 0;
  const told: string[] = [];
  const warn = (fields: object, message: string): void => {
    told.push(`${message}: ${JSON.stringify(fields)}`);
  };
  const driver = {step: () => undefined, nodeOf: () => 2 as NodeId};
  const unreadable = {name: 'f', bytes: 9, read: () => Promise.reject(new Error('EIO'))};
  let snapshot: () => Promise<unknown> = () => Promise.reject(new Error('no room'));
  const group = {
    ...{set: 1 as ReplicaSetId, isGone: false, isLeader: true},
    machine: {snapshot: () => snapshot()},
    store: {log: {group: () => undefined}},
  };
  const of = group as unknown as Group;
  const sender = new SnapshotSender(
    driver as unknown as Of<0>,
    {send: () => true} as unknown as Of<1>,
    {
      ...{isGone: () => false, sentMax: 2, bytesPerSecond: 2 ** 30, thread: 0, firstId: 1},
      now: () => nowMs,
      log: {info: () => {}, warn, error: () => {}},
    },
  );
  const fails = async (): Promise<void> => {
    sender.want(of, TO);
    await drainReactions();
  };
  for (const atMs of [0, 59_999]) {
    nowMs = atMs;
    await fails();
  }
  const why = 'cannot make a snapshot for a member; it is tried again';
  expect(told).toEqual([`${why}: {"set":1,"replica":12,"error":"Error: no room"}`]);
  nowMs = 60_000;
  snapshot = async () => ({point, files: [unreadable], release: () => undefined});
  await fails();
  const sent = {...point, configIndex: 9};
  sender.begin(of, {type: 'snapshot', from: 11, to: TO, term: 5, session: 1, snapshot: sent});
  nowMs += 1_000;
  sender.acknowledge(2 as NodeId, {transfer: 4, state: 'receiving', position: 0});
  await drainReactions();
  expect(told.slice(1)).toEqual([
    'cannot read a snapshot for a member; it is tried again: {"set":1,"replica":12,"error":"Error: EIO"}',
  ]);
  // One that goes away breaks off what is made for it.
  group.isGone = true;
  nowMs += 60_000;
  snapshot = () => Promise.reject(new Error('closing'));
  await fails();
  expect(told).toHaveLength(2);
});
