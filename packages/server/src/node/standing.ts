// What nodes say of who is a member: asked by one that was away before it takes part, and by one that runs and
// hears nothing of the meta group. Over whatever carries the question, so that a simulated node asks by the same code.

import {DbError, type NodeId} from '@flotilla/base';
import {z} from 'zod';

/** Of one question: who takes longer is asked again. */
export const ASK_MS_MAX = 1_000;

/** What Identify is asked by a node that is somebody, before it takes part. */
export const Asking = z.object({
  clusterId: z.string(),
  node: z
    .number()
    .int()
    .positive()
    .transform((node) => node as NodeId),
  life: z.number().int(),
  /** The address at which it wants to be. */
  at: z.string(),
});
export type Asking = z.infer<typeof Asking>;

/** What a node says of itself to whoever proves that it knows the secret. */
export const Identified = z.object({
  clusterId: z.string().optional(),
  node: z
    .number()
    .int()
    .positive()
    .transform((node) => node as NodeId)
    .optional(),
  incarnation: z.string().optional(),
  /** Nodes of its cluster that are members no more. Absent where an older build answers. */
  removed: z.array(z.number().int()).optional(),
  /** The life that is connected there as the node that asks, and lives. */
  living: z.number().int().optional(),
});
export type Identified = z.infer<typeof Identified>;

/** Asks the node at that address who it is; rejects with a DbError where it is silent or refuses. */
export type Identify = (address: string) => Promise<unknown>;

export type Standing =
  | {readonly type: 'member'}
  | {readonly type: 'removed'}
  /** Another process lives as this node, and is connected with the node at that address. */
  | {readonly type: 'runs-twice'; readonly seenBy: string};

/**
 * Nobody tells a node that was away what became of it: it asks itself, before it votes, whether it still
 * is a member, and whether another process is that member already: a copy of its directory. Where no other
 * node answers it goes on: the cluster may be starting.
 */
export async function standingOf(
  {clusterId, node, life}: Omit<Asking, 'at'>,
  addresses: readonly string[],
  identify: Identify,
): Promise<Standing> {
  const answers = await Promise.all(
    addresses.map(async (address) => {
      const answer = await identified(address, identify);
      return answer?.clusterId === clusterId ? {address, ...answer} : undefined;
    }),
  );
  if (answers.some((it) => it?.removed?.includes(node) === true)) return {type: 'removed'};
  const witness = answers.find((it) => it?.living !== undefined && it.living !== life);
  return witness === undefined ? {type: 'member'} : {type: 'runs-twice', seenBy: witness.address};
}

/** Undefined: it is silent, or says nothing to this node. */
async function identified(address: string, identify: Identify): Promise<Identified | undefined> {
  try {
    return Identified.parse(await identify(address));
  } catch (error) {
    if (error instanceof DbError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

export function removedText(node: NodeId): string {
  return `node ${node} is a member of its cluster no more: it was decommissioned, or declared lost while it was away; to take this machine in again, start it with an empty data directory`;
}
