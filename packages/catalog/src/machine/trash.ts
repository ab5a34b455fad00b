// What databases, tables and tenants in the trash have in common: found by the name they had, hastened to
// their purge, and in the way of nobody, so that a name may have been given anew when one comes back.

import type {CommandResult} from '../commands.ts';
import type {Trash} from '../model.ts';
import {refuse} from './draft.ts';

interface Droppable {
  readonly id: number;
  readonly name: string;
  readonly dropped?: Trash | undefined;
}

/**
 * Those of the name, the one that was dropped last at the end; of two dropped at one time that is the younger.
 * By the ids, since a copy that came by a snapshot holds them in another order.
 */
export function droppedNamed<Thing extends Droppable>(
  things: Iterable<Thing>,
  name: string,
): Thing[] {
  return [...things]
    .filter((thing) => thing.name === name && thing.dropped !== undefined)
    .sort((a, b) => a.dropped!.atMs - b.dropped!.atMs || a.id - b.id);
}

/** Purged no later than said. Requires that it is dropped. */
export function hastened<Thing extends Droppable>(thing: Thing, purgeAtMs: number): Thing {
  const {dropped} = thing;
  return {...thing, dropped: {...dropped, purgeAtMs: Math.min(dropped!.purgeAtMs, purgeAtMs)}};
}

/** The name was given to another one since the drop. */
export function nameTaken(
  what: 'database' | 'table' | 'tenant',
  name: string,
): CommandResult<never> {
  const statement = `RECOVER ${what.toUpperCase()} "${name}" AS "another name"`;
  return refuse(
    'ALREADY_EXISTS',
    `another ${what} is named ${name} now: bring the dropped one back under another name, with ${statement}`,
  );
}
