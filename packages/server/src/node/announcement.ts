// A node that came back at another address: those with smaller ids dial it at the one that the catalog
// still names, and it cannot reach the meta group to correct that. So it asks the nodes that it knows,
// and those of its --join, who they are, and says in the same breath who and where it is itself. Both
// sides dial what they heard until the catalog has the new address.

import {type Clock, DbError, type Log, type NodeId} from '@flotilla/base';
import {z} from 'zod';
import type {TlsSource} from '../adapters/index.ts';
import {identifyNode, type JoinSecret} from '../connections/index.ts';
import {pause} from '../engine/pause.ts';
import {Identified} from './identity.ts';

const ASK_MS_MAX = 1_000;
const AGAIN_MS = 1_000;

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
  readonly secret: JoinSecret;
  readonly tls?: TlsSource | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Where others may be, in the order of the catalog. */
  readonly addresses: () => readonly string[];
  /** The catalog is current and names this node's address, or the node stops. */
  readonly isOver: () => boolean;
  readonly onHeard: (node: NodeId, address: string) => void;
}

/** Asks and tells once a second until it is over. */
export async function announce(deps: AnnouncementDeps): Promise<void> {
  const {self, clock, addresses, isOver} = deps;
  while (!isOver()) {
    const others = new Set(addresses().filter((address) => address !== self.address));
    await Promise.all([...others].map((address) => tell(address, deps)));
    await pause(clock, AGAIN_MS);
  }
}

async function tell(
  address: string,
  {self, secret, tls, clock, log, onHeard}: AnnouncementDeps,
): Promise<void> {
  try {
    const options = {clock, secret, tls, timeoutMs: ASK_MS_MAX};
    const {clusterId, node} = Identified.parse(await identifyNode(address, self, options));
    if (clusterId === self.clusterId && node !== undefined) onHeard(node, address);
  } catch (error) {
    if (error instanceof z.ZodError) log.warn({address}, 'an address answers in unknown words');
    // Whoever is silent or refuses is asked again.
    else if (!(error instanceof DbError)) throw error;
  }
}
