// When a thing was dropped and when it is purged, by the time that most nodes agree on: whoever asks for the
// drop has counted both from his own clock, and one that is a year late would have it purged at once.

import type {Command} from '@flotilla/catalog';

/** The command with its times counted from `nowMs`; how long the trash keeps it stays as asked for. */
export function stampDrop<C extends Command>(command: C, nowMs: number): C {
  const {type} = command;
  if (type !== 'drop-database' && type !== 'drop-table' && type !== 'drop-tenant') return command;
  const {atMs, purgeAtMs} = command;
  if (atMs === undefined || purgeAtMs === undefined) return command;
  const droppedAtMs = Math.floor(nowMs);
  return {...command, atMs: droppedAtMs, purgeAtMs: droppedAtMs + (purgeAtMs - atMs)};
}
