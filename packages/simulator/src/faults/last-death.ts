// The last fault of a run, in peace. Nobody asks for anything, so every set falls asleep; then a node that
// leads some of them dies. Their followers' clocks stand still: only what is told of nodes can wake them,
// and where a majority lives somebody must lead again soon.

import type {ReplicaStatus} from '@flotilla/multiraft';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {PlacedSet, Placement} from '../workload/placement.ts';
import type {SimNode} from '../world/node.ts';

export interface LastDeathPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly placement: Placement;
  readonly coverage: Coverage;
  readonly leaderOf: (set: PlacedSet) => {node: SimNode; status: ReplicaStatus} | undefined;
  readonly end: (node: SimNode, how: 'kill' | 'power') => void;
}

export interface Bereaved {
  /** What the dead node led, and a majority of lives. */
  readonly sets: readonly PlacedSet[];
  readonly survivors: readonly SimNode[];
}

/** Each replica has asked once more how fresh it is by then, and asks again a minute later. */
const ASLEEP_MS = 20_000;
/** Above what two elections take in `wan`, and below that minute. */
const LED_AGAIN_MS_MAX = 30_000;

/** Ends once all are led again, or should be. Undefined where no death would take a leader only. */
export async function lastDeath(
  ports: LastDeathPorts,
  isBroken: () => boolean,
): Promise<Bereaved | undefined> {
  const {kernel, chance, nodes, placement, coverage, leaderOf, end} = ports;
  // Told to the nodes in a second or two: under manual failover nobody would stand.
  for (const set of placement.openSets()) set.failover = 'automatic';
  await kernel.run(isBroken, kernel.nowMs + ASLEEP_MS);
  const led = placement.openSets().flatMap((set) => {
    const found = leaderOf(set);
    return found !== undefined && goesOnAlone(ports, set, found) ? [{set, node: found.node}] : [];
  });
  if (isBroken() || led.length === 0) return undefined;
  const {node: dead} = chance.pick(led);
  const sets = led.filter(({node}) => node === dead).map(({set}) => set);
  const survivors = nodes.filter((node) => node !== dead);
  for (const {id} of sets)
    if (survivors.some(({host}) => host?.status(id)?.isAsleep === true))
      coverage.count('hibernation:asleep when their leader died');
  end(dead, chance.pick(['kill', 'power']));
  const areLed = (): boolean => sets.every((set) => leaderOf(set) !== undefined);
  await kernel.run(() => isBroken() || areLed(), kernel.nowMs + LED_AGAIN_MS_MAX);
  return {sets, survivors};
}

/** Whether a majority of its voters lives elsewhere, all of which may stand by themselves. */
function goesOnAlone(
  {nodes, placement}: LastDeathPorts,
  {id: set}: PlacedSet,
  {node, status}: {readonly node: SimNode; readonly status: ReplicaStatus},
): boolean {
  const {voters} = status.configuration;
  const homes = voters.map((id) => placement.nodeOf(id as ReplicaStatus['replica'])!);
  const others = homes.filter((home) => home !== node.id);
  if (2 * others.length <= voters.length) return false;
  return others.every((home) => nodes[home - 1]?.host?.status(set)?.failover === 'automatic');
}
