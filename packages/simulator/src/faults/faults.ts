// The kinds of faults, one row each: how often on average, how long, and what it does. `begin` gives
// what ends it, or undefined where it cannot strike now.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import type {Chance} from '../kernel/chance.ts';
import {expected} from '../workload/expected.ts';
import type {PlacedSet} from '../workload/placement.ts';
import type {Disks} from '../world/disks.ts';
import type {Network} from '../world/network.ts';
import type {SimNode} from '../world/node.ts';
import type {Damages} from './damages.ts';

export interface World {
  /** Those that are part of the cluster. */
  readonly nodes: readonly SimNode[];
  readonly network: Network;
  /** Absent where no clients can be brought to both sides of a cut. */
  readonly siege?: Siege | undefined;
  /** The process ends; started again by whoever ended it, or by `startAll`. */
  end(node: SimNode, how: 'kill' | 'power'): void;
  start(node: SimNode): void;
  /** What takes back what a node acknowledged, and whether it may now. */
  readonly damages: Pick<Damages, 'flipBit' | 'isAllowed' | 'restoreImage' | 'rotBit'>;
  /** For the coverage. */
  readonly count: (what: string) => void;
}

export interface Siege {
  after(delayMs: number, run: () => void): void;
  /** Some node that leads a set which could elect another. */
  leading(chance: Chance): {readonly node: SimNode; readonly set: PlacedSet} | undefined;
  /** For some time clients write the set through the other nodes and read it through this one. */
  ask(node: SimNode, set: PlacedSet, forMs: number): void;
}

interface Begun {
  readonly what?: string;
  readonly end: () => void;
}

interface Fault {
  /** Between two of its kind. */
  readonly meanMs: number;
  readonly lastsMs: number;
  readonly begin: (world: World, chance: Chance) => Begun | undefined;
}

const NEARLY_FULL_BYTES = 2 ** 20;
const nothing = (): void => undefined;

export const FAULTS = {
  kill: {meanMs: 20_000, lastsMs: 2_000, begin: (world, chance) => endNode(world, chance, 'kill')},
  power: {
    meanMs: 25_000,
    lastsMs: 4_000,
    begin: (world, chance) => endNode(world, chance, 'power'),
  },
  blackout: {meanMs: 90_000, lastsMs: 2_000, begin: blackout},
  stop: {meanMs: 60_000, lastsMs: 3_000, begin: stopNode},
  pause: {meanMs: 20_000, lastsMs: 1_500, begin: pauseNode},
  wallJump: {meanMs: 15_000, lastsMs: 5_000, begin: jumpWall},
  cutOneWay: {meanMs: 15_000, lastsMs: 4_000, begin: cutOneWay},
  cutPair: {meanMs: 15_000, lastsMs: 4_000, begin: cutPair},
  isolate: {meanMs: 20_000, lastsMs: 5_000, begin: isolateNode},
  split: {meanMs: 25_000, lastsMs: 5_000, begin: splitCluster},
  oldLeader: {meanMs: 30_000, lastsMs: 8_000, begin: leaveOldLeader},
  loss: {meanMs: 15_000, lastsMs: 4_000, begin: loseFrames},
  delay: {meanMs: 15_000, lastsMs: 4_000, begin: delayLink},
  slowLink: {meanMs: 20_000, lastsMs: 5_000, begin: slowLink},
  reset: {meanMs: 10_000, lastsMs: 500, begin: resetConnection},
  stale: {meanMs: 5_000, lastsMs: 500, begin: replayFrames},
  slowDisk: {meanMs: 20_000, lastsMs: 3_000, begin: slowDisk},
  diskError: {meanMs: 40_000, lastsMs: 2_000, begin: failDisk},
  diskFull: {meanMs: 45_000, lastsMs: 4_000, begin: fillDisk},
  oldImage: {meanMs: 4_000, lastsMs: 1_000, begin: oldImage},
  bitFlip: {meanMs: 4_000, lastsMs: 1_000, begin: bitFlip},
  bitRot: {meanMs: 4_000, lastsMs: 1_500, begin: bitRot},
  cleanPages: {meanMs: 20_000, lastsMs: 3_000, begin: loseSyncedPages},
  // New ones come last: the swarm draws them in this order.
  tornWrite: {meanMs: 12_000, lastsMs: 3_000, begin: tearWrite},
  stalledThread: {meanMs: 10_000, lastsMs: 2_500, begin: stallThread},
} satisfies Record<string, Fault>;

/** These take back what a node acknowledged: sets need a voter to spare. */
export const DAMAGES: readonly FaultName[] = ['oldImage', 'bitFlip', 'bitRot'];

/** What cannot strike there is no event either, so that runs of such disks are as they were without it. */
export function neverOn({
  disks,
  threads,
}: {
  readonly disks: Disks;
  readonly threads: number;
}): readonly FaultName[] {
  const never: FaultName[] = [];
  if (disks === 'plain') never.push('tornWrite');
  if (threads === 1) never.push('stalledThread');
  return never;
}

export type FaultName = keyof typeof FAULTS;

function upNode({nodes}: World, chance: Chance): SimNode | undefined {
  const up = nodes.filter(({host}) => host !== undefined);
  return up.length === 0 ? undefined : chance.pick(up);
}

function endNode(world: World, chance: Chance, how: 'kill' | 'power'): Begun | undefined {
  const node = upNode(world, chance);
  if (node === undefined) return undefined;
  world.end(node, how);
  return {what: `node ${node.id}`, end: () => world.start(node)};
}

/** Power is lost everywhere. */
function blackout(world: World): Begun {
  const up = world.nodes.filter(({isUp}) => isUp);
  for (const node of up) world.end(node, 'power');
  return {
    end: () => {
      for (const node of up) world.start(node);
    },
  };
}

function stopNode(world: World, chance: Chance): Begun | undefined {
  const node = upNode(world, chance);
  if (node === undefined || node.isPaused) return undefined;
  node.stop().catch(expected);
  return {what: `node ${node.id}`, end: () => world.start(node)};
}

function pauseNode(world: World, chance: Chance): Begun | undefined {
  const node = upNode(world, chance);
  if (node === undefined || node.isPaused) return undefined;
  const {threads} = node.running!;
  threads.pause();
  return {what: `node ${node.id}`, end: () => threads.resume()};
}

/** One thread of a process stands still, and the others go on. */
function stallThread(world: World, chance: Chance): Begun | undefined {
  const node = upNode(world, chance);
  if (node === undefined || node.running!.threads.isAlone) return undefined;
  const {all, engines} = node.running!.threads;
  const at = chance.below(all.length);
  const thread = all[at]!;
  if (thread.isPaused) return undefined;
  thread.pause();
  const led = [...(engines[at - 1]?.host?.statuses() ?? [])].filter(({role}) => role === 'leader');
  return {
    what: `${at === 0 ? 'main thread' : `engine thread ${at - 1}`} of node ${node.id}`,
    end: () => {
      thread.resume();
      for (const {set, term} of led)
        if (leadsAfter(world, set, term)) world.count('threads:sets taken over from a stalled one');
    },
  };
}

function leadsAfter({nodes}: World, set: ReplicaSetId, term: number): boolean {
  return nodes.some(({host}) => {
    const status = host?.status(set);
    return status?.role === 'leader' && status.term > term;
  });
}

function jumpWall(world: World, chance: Chance): Begun {
  const node = chance.pick(world.nodes);
  const skewMs = chance.pick([-1, 1]) * 10 ** chance.between(1, 8);
  node.wall.jump(skewMs);
  return {
    what: `node ${node.id} by ${Math.round(skewMs)} ms`,
    end: () => {
      node.wall.jump(-skewMs);
    },
  };
}

function cut(world: World, links: readonly (readonly [NodeId, NodeId])[], what: string): Begun {
  const fresh = links.filter(([from, to]) => !world.network.trouble(from, to).isCut);
  for (const [from, to] of fresh) world.network.trouble(from, to).isCut = true;
  return {
    what,
    end: () => {
      for (const [from, to] of fresh) world.network.mend(from, to);
    },
  };
}

function twoNodes({nodes}: World, chance: Chance): [SimNode, SimNode] | undefined {
  if (nodes.length < 2) return undefined;
  const a = chance.pick(nodes);
  const b = chance.pick(nodes.filter((node) => node !== a));
  return [a, b];
}

function cutOneWay(world: World, chance: Chance): Begun | undefined {
  const two = twoNodes(world, chance);
  return two && cut(world, [[two[0].id, two[1].id]], `${two[0].id} to ${two[1].id}`);
}

function cutPair(world: World, chance: Chance): Begun | undefined {
  const two = twoNodes(world, chance);
  if (two === undefined) return undefined;
  const [a, b] = two.map(({id}) => id) as [NodeId, NodeId];
  return cut(
    world,
    [
      [a, b],
      [b, a],
    ],
    `${a} and ${b}`,
  );
}

/** Of all others, in both directions or in one of them. */
function isolateNode(world: World, chance: Chance): Begun | undefined {
  const node = chance.pick(world.nodes);
  const direction = chance.pick(['both', 'both', 'in', 'out']);
  const links: [NodeId, NodeId][] = [];
  for (const other of world.nodes) {
    if (other === node) continue;
    if (direction !== 'in') links.push([node.id, other.id]);
    if (direction !== 'out') links.push([other.id, node.id]);
  }
  return cut(world, links, `node ${node.id}, ${direction}`);
}

/**
 * A leader that does not learn of its successor, with clients on both sides: cut off, cut off while it
 * stood still, hearing late what was said before it was cut off, or while it stood still.
 */
function leaveOldLeader(world: World, chance: Chance): Begun | undefined {
  const {siege} = world;
  const found = siege?.leading(chance);
  if (siege === undefined || found === undefined) return undefined;
  const {node, set} = found;
  const how = chance.pick(['cut', 'paused', 'late', 'frozen'] as const);
  const lateMs = chance.between(300, 6_000);
  const what = `node ${node.id} of set ${set.id}, ${how}`;
  siege.ask(node, set, 2 * lateMs + 4_000);
  if (how === 'frozen')
    return {what, end: freezeBeforeAnswers(world, siege, node, {lateMs, chance})};
  if (how === 'late') return {what, end: hearLate(world, siege, node, {lateMs, chance})};
  if (how === 'paused') standStill(siege, node, lateMs);
  const links = linksOf(world, node);
  return {what, end: cut(world, [...links.out, ...links.into], what).end};
}

/** Nothing that it says arrives any more, and for a while it hears answers to what it said before. */
function hearLate(
  world: World,
  siege: Siege,
  node: SimNode,
  {lateMs, chance}: {readonly lateMs: number; readonly chance: Chance},
): () => void {
  const {out} = linksOf(world, node);
  const endDelay = delayTo(world, node, lateMs);
  let mend = nothing;
  let isOver = false;
  siege.after(chance.between(0, lateMs), () => {
    if (!isOver) mend = cut(world, out, '').end;
  });
  return () => {
    isOver = true;
    endDelay();
    mend();
  };
}

/** It stands still over an election, and then hears answers to its last words of before. */
function freezeBeforeAnswers(
  world: World,
  siege: Siege,
  node: SimNode,
  {lateMs, chance}: {readonly lateMs: number; readonly chance: Chance},
): () => void {
  const stillMs = lateMs * chance.between(0.5, 0.95);
  // Words are on their way at any time, answers are from now on late.
  siege.after(chance.between(0, 1_000), () => standStill(siege, node, stillMs));
  return delayTo(world, node, lateMs);
}

function standStill(siege: Siege, node: SimNode, forMs: number): void {
  const {threads} = node.running ?? {};
  if (threads === undefined || threads.main.isPaused) return;
  threads.pause();
  siege.after(forMs, () => threads.resume());
}

function delayTo(world: World, node: SimNode, delayMs: number): () => void {
  const {network} = world;
  const {into} = linksOf(world, node);
  const setDelay = (factor: number): void => {
    for (const [from, to] of into) network.trouble(from, to).delayFactor = factor;
  };
  setDelay(delayMs / network.delayMs);
  return () => setDelay(1);
}

function linksOf({nodes}: World, {id: node}: SimNode) {
  const others = nodes.map(({id}) => id).filter((id) => id !== node);
  return {
    out: others.map((id) => [node, id] as const),
    into: others.map((id) => [id, node] as const),
  };
}

function splitCluster(world: World, chance: Chance): Begun | undefined {
  const left = world.nodes.filter(() => chance.odds(0.5));
  const right = world.nodes.filter((node) => !left.includes(node));
  if (left.length === 0 || right.length === 0) return undefined;
  const links = left.flatMap((a) =>
    right.flatMap((b): [NodeId, NodeId][] => [
      [a.id, b.id],
      [b.id, a.id],
    ]),
  );
  return cut(world, links, `${left.map(({id}) => id)} | ${right.map(({id}) => id)}`);
}

function loseFrames(world: World, chance: Chance): Begun {
  const rate = chance.between(0.01, 0.3);
  const links = someLinks(world, chance);
  for (const trouble of links) trouble.lossRate = rate;
  return {
    end: () => {
      for (const trouble of links) trouble.lossRate = 0;
    },
  };
}

function delayLink(world: World, chance: Chance): Begun {
  const factor = 10 ** chance.between(0.5, 2);
  const links = someLinks(world, chance);
  for (const trouble of links) trouble.delayFactor = factor;
  return {
    end: () => {
      for (const trouble of links) trouble.delayFactor = 1;
    },
  };
}

function slowLink(world: World, chance: Chance): Begun {
  const bytesPerMs = 10 ** chance.between(0.5, 2.5);
  const links = someLinks(world, chance);
  for (const trouble of links) trouble.bytesPerMs = bytesPerMs;
  return {
    end: () => {
      for (const trouble of links) trouble.bytesPerMs = Infinity;
    },
  };
}

function someLinks({nodes, network}: World, chance: Chance) {
  const share = chance.pick([0.1, 0.3, 1]);
  return nodes.flatMap((a) =>
    nodes.filter((b) => a !== b && chance.odds(share)).map((b) => network.trouble(a.id, b.id)),
  );
}

function resetConnection(world: World, chance: Chance): Begun | undefined {
  const two = twoNodes(world, chance);
  if (two === undefined) return undefined;
  world.network.reset(two[0].id, two[1].id);
  return {what: `${two[0].id} and ${two[1].id}`, end: nothing};
}

/** Frames of whatever age, once more. */
function replayFrames(world: World, chance: Chance): Begun | undefined {
  const two = twoNodes(world, chance);
  if (two === undefined) return undefined;
  let count = 0;
  for (let left = 1 + chance.below(8); left > 0; left--)
    if (world.network.replay(two[0].id, two[1].id) !== undefined) count += 1;
  return count === 0
    ? undefined
    : {what: `${count} from ${two[0].id} to ${two[1].id}`, end: nothing};
}

function slowDisk(world: World, chance: Chance): Begun {
  const node = chance.pick(world.nodes);
  node.slowness = 10 ** chance.between(1, 3.5);
  return {
    what: `node ${node.id}, ${Math.round(node.slowness)} times`,
    end: () => {
      node.slowness = 1;
    },
  };
}

/** The next write or sync fails: the process must end and replay. */
function failDisk(world: World, chance: Chance): Begun | undefined {
  const node = upNode(world, chance);
  if (node === undefined) return undefined;
  const operation = chance.pick(['write', 'sync', 'sync', 'read'] as const);
  node.disk.fail({operation, path: 'segment', code: 'EIO'});
  return {what: `node ${node.id}, ${operation}`, end: nothing};
}

/**
 * A sync fails, its pages count as clean, and the next process reads them; then power is lost, and with it
 * whatever that process did not write again.
 */
function loseSyncedPages(world: World, chance: Chance): Begun | undefined {
  const node = upNode(world, chance);
  if (node === undefined) return undefined;
  node.disk.fail({operation: 'sync', path: 'segment', code: 'EIO', marksClean: true});
  return {
    what: `node ${node.id}`,
    end: () => {
      world.end(node, 'power');
      world.start(node);
    },
  };
}

/** Power is lost while a record that is durable once it is answered is on its way to the disk. */
function tearWrite(world: World, chance: Chance): Begun | undefined {
  const node = upNode(world, chance);
  if (node === undefined) return undefined;
  const cutOff = (): void => world.end(node, 'power');
  node.disk.duringDurableWrite = cutOff;
  return {
    what: `node ${node.id}`,
    end: () => {
      if (node.disk.duringDurableWrite === cutOff) node.disk.duringDurableWrite = undefined;
      world.start(node);
    },
  };
}

function fillDisk(world: World, chance: Chance): Begun | undefined {
  const node = upNode(world, chance);
  if (node === undefined) return undefined;
  const {freeBytes} = node.disk;
  // Full already: what ends it knows what was free.
  if (freeBytes <= NEARLY_FULL_BYTES) return undefined;
  // Below the reserve, and sometimes to the last byte.
  node.disk.freeBytes = chance.odds(0.7) ? NEARLY_FULL_BYTES : 0;
  return {
    what: `node ${node.id}`,
    end: () => {
      node.disk.freeBytes = freeBytes;
    },
  };
}

function oldImage(world: World, chance: Chance): Begun | undefined {
  const node = upNode(world, chance);
  if (node === undefined) return undefined;
  if (node.image === undefined || chance.odds(0.1)) {
    node.takeImage();
    return undefined;
  }
  const {damages} = world;
  if (!damages.isAllowed(node) || !damages.restoreImage(node)) return undefined;
  return {what: `node ${node.id}`, end: () => world.start(node)};
}

function bitFlip(world: World, chance: Chance): Begun | undefined {
  const {damages} = world;
  const node = upNode(world, chance);
  if (node === undefined || !damages.isAllowed(node) || !damages.flipBit(node, chance))
    return undefined;
  return {what: `node ${node.id}`, end: () => world.start(node)};
}

/** Before long the process ends, so that no other node is damaged before this one has found out. */
function bitRot(world: World, chance: Chance): Begun | undefined {
  const {damages} = world;
  const node = upNode(world, chance);
  if (node === undefined || !damages.isAllowed(node) || !damages.rotBit(node, chance))
    return undefined;
  return {
    what: `node ${node.id}`,
    end: () => {
      world.end(node, 'kill');
      world.start(node);
    },
  };
}
