// When a thing was dropped and when it is purged, and until when something rests, by the time that most
// nodes agree on: whoever asks has counted from his own clock. By one that is a year late a drop would be
// purged at once; by one that is early a pause would last a year, and no end would end a maintenance.

import type {Command} from '@flotilla/catalog';

export interface StampTime {
  readonly nowMs: number;
  /** It was held against other clocks. A leader that has just begun has its own alone, which may be wrong. */
  readonly isCompared: boolean;
}

/**
 * The command with its times counted from `nowMs`; how long the trash keeps it, or something rests, stays as
 * asked for. Of a time that nothing was held against and that of whoever drops the later one counts: nothing
 * is purged too soon. A rest is then counted by whoever asks for it.
 */
export function stampTimes<C extends Command>(command: C, {nowMs, isCompared}: StampTime): C {
  const atMs = Math.floor(nowMs);
  switch (command.type) {
    case 'drop-database':
    case 'drop-table':
    case 'drop-tenant': {
      const {atMs: askedAtMs, purgeAtMs} = command;
      if (askedAtMs === undefined || purgeAtMs === undefined) return command;
      const droppedAtMs = isCompared ? atMs : Math.max(atMs, askedAtMs);
      return {...command, atMs: droppedAtMs, purgeAtMs: purgeAtMs - askedAtMs + droppedAtMs};
    }
    case 'set-automation': {
      if (!isCompared) return command;
      const {atMs: askedAtMs, untilMs} = command;
      return {...command, atMs, untilMs: untilMs && untilMs - askedAtMs + atMs};
    }
    case 'set-maintenance': {
      const {atMs: askedAtMs, maintenance} = command;
      // Absent of a node with an older build.
      if (!isCompared || askedAtMs === undefined) return command;
      const untilMs = maintenance.untilMs - askedAtMs + atMs;
      return {...command, atMs, maintenance: {...maintenance, untilMs}};
    }
    default:
      return command;
  }
}
