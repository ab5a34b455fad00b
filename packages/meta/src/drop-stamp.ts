// When a thing was dropped and when it is purged, by the time that most nodes agree on: whoever asks for the
// drop has counted both from his own clock, and one that is a year late would have it purged at once.

import type {Command} from '@flotilla/catalog';

export interface StampTime {
  readonly nowMs: number;
  /** It was held against other clocks. A leader that has just begun has its own alone, which may be wrong. */
  readonly isCompared: boolean;
}

/**
 * The command with its times counted from `nowMs`; how long the trash keeps it stays as asked for. Of a time
 * that nothing was held against and that of whoever asks the later one counts: nothing is purged too soon.
 */
export function stampDrop<C extends Command>(command: C, {nowMs, isCompared}: StampTime): C {
  const {type} = command;
  if (type !== 'drop-database' && type !== 'drop-table' && type !== 'drop-tenant') return command;
  const {atMs, purgeAtMs} = command;
  if (atMs === undefined || purgeAtMs === undefined) return command;
  const droppedAtMs = isCompared ? Math.floor(nowMs) : Math.max(Math.floor(nowMs), atMs);
  return {...command, atMs: droppedAtMs, purgeAtMs: droppedAtMs + (purgeAtMs - atMs)};
}
