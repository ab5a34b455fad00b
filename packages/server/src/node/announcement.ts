// A node that came back at another address: those with smaller ids dial it at the one that the catalog
// still names, and it cannot reach the meta group to correct that. So it asks the nodes that it knows,
// and those of its --join, who they are, and says in the same breath who and where it is itself. Both
// sides dial what they heard until the catalog has the new address.
//
// A member with a smaller id that does not dial this node may not know of it: its directory may be an old image,
// from before this one joined, and it may lead all by itself what has other members now. It is told, whatever
// else is well.
//
// A node that hears nothing of the meta group any more, or that nobody is connected with, asks in the same way, for
// it may be a member no more: those that took it off the list, or declared it lost while it was cut off or before
// they ran, let it in no more, and nobody else tells it.

import {type Clock, DbError, type Log, type NodeId} from '@flotilla/base';
import {z} from 'zod';
import {pause} from '../engine/pause.ts';
import {Identified, type Identify} from './standing.ts';

/**
 * Some elections of the meta group, and longer than a catalog watch's reconnecting: who hears nothing of it for
 * longer is not well, and asks whether it is a member still.
 */
export const META_SILENT_MS_MAX = 10_000;
const AGAIN_MS = 1_000;
/** Of a node whose record is right: while there is no meta group all ask all. */
const LATER_MS = 10_000;

/** What Identify is told by a node that is somebody. */
export const Announced = z.object({
  clusterId: z.string(),
  node: z
    .number()
    .int()
    .positive()
    .transform((node) => node as NodeId),
  address: z.string(),
});

export interface AnnouncementDeps {
  readonly self: {readonly clusterId: string; readonly node: NodeId; readonly address: string};
  /** Tells who this node is, too. */
  readonly identify: Identify;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly log: Pick<Log, 'warn'>;
  /** Where others may be, in the order of the catalog. */
  readonly addresses: () => readonly string[];
  /** Where members are that should have dialled this node, and have not. */
  readonly unmet: () => readonly string[];
  /** The catalog is current and names this node's address. */
  readonly isKnown: () => boolean;
  readonly isStopping: () => boolean;
  readonly onHeard: (node: NodeId, address: string) => void;
  /** Another says that this node is a member no more. */
  readonly onRemoved: () => void;
}

/**
 * Asks and tells once a second until it is known, and every ten seconds where it is not any more. Those that
 * are unmet once a second at any time.
 */
export async function announce(deps: AnnouncementDeps): Promise<void> {
  const {self, clock, addresses, unmet, isKnown, isStopping} = deps;
  let everyMs = AGAIN_MS;
  let askedAtMs = -Infinity;
  while (!isStopping()) {
    const told = new Set(unmet());
    if (isKnown()) everyMs = LATER_MS;
    else if (clock.monotonicMs() - askedAtMs >= everyMs) {
      askedAtMs = clock.monotonicMs();
      for (const address of addresses()) told.add(address);
    }
    told.delete(self.address);
    await Promise.all([...told].map((address) => tell(address, deps)));
    await pause(clock, AGAIN_MS);
  }
}

async function tell(address: string, deps: AnnouncementDeps): Promise<void> {
  const {self, identify, log, isStopping, onHeard, onRemoved} = deps;
  try {
    const {clusterId, node, removed} = Identified.parse(await identify(address));
    if (clusterId !== self.clusterId || isStopping()) return;
    if (removed?.includes(self.node) === true) onRemoved();
    else if (node !== undefined) onHeard(node, address);
  } catch (error) {
    if (error instanceof z.ZodError) log.warn({address}, 'an address answers in unknown words');
    // Whoever is silent or refuses is asked again.
    else if (!(error instanceof DbError)) throw error;
  }
}
