// A cluster of one under load, to which two nodes come that are killed at every step of their way to
// being voters: no write fails, no acknowledged row is lost, and nothing ever has two voters.

import {cpSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, type Id, type Replica, type ReplicaSet} from '@flotilla/client';
import {freePorts, makeJoinSecret, ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {Ledger} from '../cluster/ledger.ts';
import {untilApplied} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';

/** Between the bodies of each of two senders: a load that leaves the machine room. */
const PACE_MS = 20;
const LOOK_MS = 10;
const STEP_MS_MAX = 60_000;
const OLD_IMAGE = 76;

let directory: string;
const nodes: ProcessNode[] = [];
let client: FlotillaClient;
const ledger = new Ledger({hosts: 100, ticks: 5_000, batch: 20});

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-growing-'));
  const secret = makeJoinSecret(directory);
  for (let i = 0; i < 3; i++) {
    const port = await freePorts(2);
    const data = path.join(directory, `node${i + 1}`);
    const join = i === 0 ? [] : ['--join', `127.0.0.1:${nodes[0]!.port}`];
    const args = ['--listen', `127.0.0.1:${port}`, '--data', data, '--no-hints', ...join];
    const all = [...args, '--join-secret-file', secret];
    nodes.push(new ProcessNode(i + 1, {port, directory: data, args: all}));
  }
  const [first] = nodes as [ProcessNode];
  first.start();
  await first.ready();
  expect(await first.stop()).toBe(0);
  cpSync(first.directory, imageOf(first), {recursive: true});
  first.start();
  await first.ready();
  client = new FlotillaClient({urls: nodes.map(({url}) => url)});
});
afterAll(async () => {
  client.close();
  await Promise.all(nodes.map((node) => node.kill()));
  rmSync(directory, {recursive: true, force: true});
});

/** Its directory from when it was alone. */
function imageOf({directory: data}: ProcessNode): string {
  return `${data}.image`;
}

const votersOf = ({replicas}: ReplicaSet): readonly Replica[] =>
  replicas.filter(({role}) => role === 'voter');
const learnersOf = ({replicas}: ReplicaSet): readonly Replica[] =>
  replicas.filter(({role}) => role === 'learner');

/** Looks until it holds; at every look each set has one voter or three. */
async function untilSets(
  what: string,
  holds: (sets: readonly ReplicaSet[]) => boolean,
): Promise<void> {
  const oldest = new FlotillaClient({urls: [nodes[0]!.url]});
  const endMs = Date.now() + STEP_MS_MAX;
  try {
    for (;;) {
      const sets = await oldest.admin.replicaSets();
      for (const set of sets) expect([1, 3]).toContain(votersOf(set).length);
      if (holds(sets)) return;
      if (Date.now() > endMs) throw new Error(`not seen: ${what}: ${JSON.stringify(sets)}`);
      await sleep(LOOK_MS);
    }
  } finally {
    oldest.close();
  }
}

async function killNewcomers(): Promise<void> {
  const newcomers = nodes.slice(1).filter(({isRunning}) => isRunning);
  await Promise.all(newcomers.map((node) => node.kill()));
}

function startNewcomers(): void {
  for (const node of nodes.slice(1)) if (!node.isRunning) node.start();
}

/** Each is seen in some set, with the newcomers then killed at once. */
const STEPS: readonly {
  readonly name: string;
  readonly isSeen: (sets: readonly ReplicaSet[]) => boolean;
}[] = [
  {name: 'placed', isSeen: (sets) => sets.some((set) => learnersOf(set).length === 2)},
  {
    name: 'created',
    isSeen: (sets) =>
      sets.some((set) => learnersOf(set).some(({state}) => state !== 'missing' && isHere(state))),
  },
  {
    name: 'learner',
    isSeen: (sets) =>
      sets.some((set) => learnersOf(set).some(({appliedIndex}) => (appliedIndex ?? 0) > 0)),
  },
  {
    name: 'promoted, the others joint or on their way',
    isSeen: (sets) => sets.some((set) => votersOf(set).length === 3),
  },
];

function isHere(state: unknown): boolean {
  return state !== 'missing' && state !== 'unreachable';
}

test('sets grow from one voter to three under load, whenever the newcomers are killed', async () => {
  const sending = Promise.all([1, 2].map(() => ledger.send(client, () => sleep(PACE_MS))));
  await until('there is something to catch up with', () => ledger.sentRows > 2_000);
  // Alone it gets a learner of each set, and nobody a second voter.
  nodes[1]!.start();
  await untilSets(
    'a learner each',
    (sets) =>
      sets.length > 0 && sets.every((set) => learnersOf(set).some(({state}) => isHere(state))),
  );
  for (const {name, isSeen} of STEPS) {
    startNewcomers();
    await untilSets(name, isSeen);
    await killNewcomers();
  }
  startNewcomers();
  await Promise.all(nodes.map((node) => node.ready()));
  await until('every set and the meta group have three voters', async () => {
    const {metaVoters} = await client.admin.status();
    const sets = await client.admin.replicaSets();
    return (metaVoters as Id[]).length === 3 && sets.every((set) => votersOf(set).length === 3);
  });
  ledger.stop();
  await sending;
  expect(ledger.failures).toEqual([]);
  await untilApplied(client, 'public');
  expect((await ledger.compare(client, {stale: false})).slice(0, 10)).toEqual([]);
  for (const node of nodes.slice(1)) {
    const own = new FlotillaClient({urls: [node.url]});
    expect((await ledger.compare(own, {stale: true})).slice(0, 10)).toEqual([]);
    own.close();
  }
  // The newcomers are a majority now, of the sets and of the meta group.
  await nodes[0]!.kill();
  await client.write('after v=1i 1600000000000000000', {timeoutMs: 30_000});
  expect(await client.query('SELECT v FROM after')).toEqual([{v: 1}]);
}, 240_000);

test('the first node, put back to when it was alone, is told by those that it does not know', async () => {
  const [first] = nodes as [ProcessNode];
  await first.kill();
  rmSync(first.directory, {recursive: true});
  cpSync(imageOf(first), first.directory, {recursive: true});
  first.start();
  first.mayEnd();
  expect(await first.exited(), first.logTail()).toBe(OLD_IMAGE);
  first.start();
  await first.ready();
  await untilSets('all vote again', (sets) => sets.every((set) => votersOf(set).length === 3));
  await untilApplied(client, 'public');
  expect((await ledger.compare(client, {stale: false})).slice(0, 10)).toEqual([]);
}, 120_000);
