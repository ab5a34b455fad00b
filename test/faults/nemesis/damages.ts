// Disks that forget what they acknowledged: a node that comes back empty, and one that comes back with
// an older image of itself. Both come alone, and end when the cluster has made good what was lost: the
// promise is about one lost copy, not about two.

import {cpSync, mkdtempSync, readdirSync, rmSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, type Id} from '@flotilla/client';
import type {ProcessCluster, ProcessNode} from '@flotilla/testkit';
import {until} from '../../cluster/waiting.ts';

/** With which a node ends that finds its disk older than others remember it. */
const OLD_IMAGE = 76;
/** The others write down what a node told them within 2 s; then some more rows that the image lacks. */
const OLDER_BY_MS = 5_000;
const MEND_MS_MAX = 180_000;

interface Ground {
  readonly cluster: ProcessCluster;
  readonly say: (text: string) => void;
}

/** Its disk is lost: it comes back as another node, and an operator gives up the one it was. */
export async function wipe({cluster, say}: Ground, number: number): Promise<void> {
  const node = cluster.node(number);
  const client = new FlotillaClient({urls: cluster.urls});
  try {
    const [address, before] = await recordOf(cluster, client, number);
    await node.kill();
    emptyDirectory(node.directory);
    node.start();
    await node.ready();
    await until('the empty node was taken in', async () => {
      const known = await client.admin.nodes();
      return known.some((one) => one['address'] === address && one['id'] !== before);
    });
    await giveUp(client, before);
    say(`node ${number} is empty; what was node ${before} is drained`);
    await until(
      `node ${before} holds nothing and is forgotten`,
      async () => {
        await client.admin.decommissionNode(before);
        return true;
      },
      MEND_MS_MAX,
    );
  } finally {
    client.close();
  }
}

/** Whoever restored it from a backup meant well. */
export async function bringOldImage({cluster, say}: Ground, number: number): Promise<void> {
  const node = cluster.node(number);
  const image = mkdtempSync(path.join(cluster.directory, 'image-'));
  await node.kill();
  cpSync(node.directory, image, {recursive: true});
  node.start();
  await node.ready();
  await sleep(OLDER_BY_MS);
  await node.kill();
  emptyDirectory(node.directory);
  cpSync(image, node.directory, {recursive: true});
  rmSync(image, {recursive: true});
  node.start();
  node.mayEnd();
  const end = await Promise.race([node.exited(), node.ready()]);
  say(
    `node ${number} came back with an old image and ${end === undefined ? 'went on' : `ended: ${end}`}`,
  );
  if (end === undefined) {
    // Ready before anybody told it: it must still end, unless the image lacks nothing.
    const late = await Promise.race([node.exited(), sleep(OLDER_BY_MS, undefined, {ref: false})]);
    if (late === undefined) return;
    if (late !== OLD_IMAGE) throw new Error(`node ${number} ended: ${late}\n${node.logTail()}`);
  } else if (end !== OLD_IMAGE) {
    throw new Error(`node ${number} ended: ${end}\n${node.logTail()}`);
  }
  node.start();
  await node.ready();
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

/** Meta may be between two leaders, and an order whose outcome nobody told may have been taken. */
async function giveUp(client: FlotillaClient, id: Id): Promise<void> {
  await until(`node ${id} is to hold nothing`, async () => {
    const known = (await client.admin.nodes()).find((one) => one['id'] === id);
    if (known?.['state'] !== 'active') return true;
    await client.admin.drainNode(id);
    return true;
  });
}

/** Not the directory itself: a disk may be mounted there. */
function emptyDirectory(directory: ProcessNode['directory']): void {
  for (const name of readdirSync(directory))
    rmSync(path.join(directory, name), {recursive: true, force: true});
}
