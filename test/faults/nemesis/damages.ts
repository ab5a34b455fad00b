// Nodes that lose what they hold: one that comes back empty, one that comes back with an older image of
// itself, and one that is taken out of the cluster in good order, with a new one in its place. Each comes
// alone, and ends when the cluster has made good what was lost: the promise is about one lost copy, not
// about two. Nothing here stops this process for long: the nodes' links run through it.

import {cp, mkdtemp, readdir, rm} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, FlotillaError, type Id} from '@flotilla/client';
import type {ProcessCluster, ProcessNode} from '@flotilla/testkit';
import {until} from '../../cluster/waiting.ts';

/** With which a node ends that finds its disk older than others remember it. */
const OLD_IMAGE = 76;
/** With which a node ends that learns that it is a member no more. */
const REMOVED = 1;
/** What a clean stop ends with; 75 where it was cut off, which only leaves more to replay. */
const STOP_CODES: readonly (number | string)[] = [0, 75];
/** Longer than a node takes before it cuts its own stop off. */
const STOP_MS_MAX = 30_000;
/** The others write down what a node told them within 2 s; then some more rows that the image lacks. */
const OLDER_BY_MS = 5_000;
const MEND_MS_MAX = 180_000;

interface Ground {
  readonly cluster: ProcessCluster;
  /** Nodes that are to go for good: the operator does not take them back. */
  readonly leaving: Set<Id>;
  readonly say: (text: string) => void;
}

/** Its disk is lost: it comes back as another node, and an operator gives up the one it was. */
export async function wipe({cluster, leaving, say}: Ground, number: number): Promise<void> {
  const node = cluster.node(number);
  const client = new FlotillaClient({urls: cluster.urls});
  try {
    const [address, before] = await recordOf(cluster, client, number);
    leaving.add(before);
    await node.kill();
    await beginEmpty(node);
    await takenIn(client, address, before);
    say(`node ${number} is empty; what was node ${before} is to go`);
    await forgotten(client, before);
  } finally {
    client.close();
  }
}

/** It goes for good as an operator takes a node away: emptied, forgotten, and ended by itself; then a new one comes. */
export async function replaceNode({cluster, leaving, say}: Ground, number: number): Promise<void> {
  const node = cluster.node(number);
  const client = new FlotillaClient({urls: cluster.urls});
  try {
    const [address, before] = await recordOf(cluster, client, number);
    leaving.add(before);
    node.mayEnd();
    await forgotten(client, before);
    say(`node ${number} is emptied, and off the list for good`);
    await endedByItself(node);
    await beginEmpty(node);
    await takenIn(client, address, before);
  } finally {
    client.close();
  }
}

/** As an operator would. Throws where it takes too long, or ends otherwise than cleanly. */
export async function stopCleanly(node: ProcessNode): Promise<void> {
  node.signal('SIGTERM');
  const code = await Promise.race([node.exited(), sleep(STOP_MS_MAX, 'late', {ref: false})]);
  if (STOP_CODES.includes(code)) return;
  const what = code === 'late' ? `did not stop in ${STOP_MS_MAX} ms` : `stopped with ${code}`;
  throw new Error(`node ${node.number} ${what}\n${node.logTail()}`);
}

/** The others let it in no more. Throws where it goes on, or ends for another reason. */
async function endedByItself(node: ProcessNode): Promise<void> {
  const code = await Promise.race([node.exited(), sleep(STOP_MS_MAX, 'late', {ref: false})]);
  if (code === REMOVED) return;
  const what = code === 'late' ? `goes on ${STOP_MS_MAX} ms later` : `ended with ${code}`;
  throw new Error(`node ${node.number} is off the list, and ${what}\n${node.logTail()}`);
}

/** Whoever restored it from a backup meant well. False where the image lacked nothing. */
export async function bringOldImage({cluster, say}: Ground, number: number): Promise<boolean> {
  const node = cluster.node(number);
  const image = await mkdtemp(path.join(cluster.directory, 'image-'));
  await node.kill();
  await cp(node.directory, image, {recursive: true});
  node.start();
  await node.ready();
  await sleep(OLDER_BY_MS);
  await node.kill();
  await emptyDirectory(node.directory);
  await cp(image, node.directory, {recursive: true});
  await rm(image, {recursive: true});
  node.start();
  node.mayEnd();
  const end = await Promise.race([node.exited(), node.ready()]);
  say(
    `node ${number} came back with an old image and ${end === undefined ? 'went on' : `ended: ${end}`}`,
  );
  if (end === undefined) {
    // Ready before anybody told it: it must still end, unless the image lacks nothing.
    const late = await Promise.race([node.exited(), sleep(OLDER_BY_MS, undefined, {ref: false})]);
    if (late === undefined) return false;
    if (late !== OLD_IMAGE) throw new Error(`node ${number} ended: ${late}\n${node.logTail()}`);
  } else if (end !== OLD_IMAGE) {
    throw new Error(`node ${number} ended: ${end}\n${node.logTail()}`);
  }
  node.start();
  await node.ready();
  return true;
}

async function beginEmpty(node: ProcessNode): Promise<void> {
  await emptyDirectory(node.directory);
  node.start();
  await node.ready();
}

function takenIn(client: FlotillaClient, address: string, before: Id): Promise<void> {
  return until('the empty node was taken in', async () => {
    const known = await client.admin.nodes();
    return known.some((one) => one['address'] === address && one['id'] !== before);
  });
}

function forgotten(client: FlotillaClient, id: Id): Promise<void> {
  return until(
    `node ${id} holds nothing and is forgotten`,
    async () => {
      await moveAgain(client, id);
      // Refused while its operation runs. Whoever cancels orders at random cancels this one too.
      const {operation} = await decommissioned(client, id);
      return operation === undefined;
    },
    MEND_MS_MAX,
  );
}

/** A set of which replicas on all nodes were asked for by hand leaves no place: it is let go, as the refusal says. */
async function decommissioned(client: FlotillaClient, id: Id) {
  try {
    return await client.admin.decommissionNode(id);
  } catch (error) {
    const advised = error instanceof FlotillaError && /replica-set unpin (\d+)/.exec(error.message);
    if (advised) await client.admin.pinReplicaSet(Number(advised[1]), false);
    throw error;
  }
}

/** What a drain began and somebody cancelled rests for a day, unless it is ordered again. */
async function moveAgain(client: FlotillaClient, node: Id): Promise<void> {
  const operations = await client.admin.operations();
  const retried = new Set(operations.map((operation) => operation['retryOf']));
  for (const {id, kind, state, sourceNode} of operations) {
    const isMove = kind === 'move-replica' || kind === 'remove-replica';
    if (!isMove || state !== 'cancelled' || sourceNode !== node || retried.has(id)) continue;
    try {
      await client.admin.retryOperation(id);
    } catch (error) {
      // Its replica is gone from there, or another operation has it.
      if (!(error instanceof FlotillaError)) throw error;
    }
  }
}

/** Of the node that the process is now: its address as the others know it, and its id. */
async function recordOf(
  cluster: ProcessCluster,
  client: FlotillaClient,
  number: number,
): Promise<readonly [string, Id]> {
  const address = cluster.links.addresses[number - 1]!;
  let id: Id | undefined;
  await until(`a node at ${address}`, async () => {
    const known = (await client.admin.nodes()).filter(
      (one) => one['address'] === address && one['state'] !== 'decommissioned',
    );
    id = known.map((one) => Number(one['id'])).sort((a, b) => b - a)[0];
    return id !== undefined;
  });
  return [address, id!];
}

/** Not the directory itself: a disk may be mounted there. */
async function emptyDirectory(directory: ProcessNode['directory']): Promise<void> {
  for (const name of await readdir(directory))
    await rm(path.join(directory, name), {recursive: true, force: true});
}
