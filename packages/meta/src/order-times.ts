// When a thing was dropped and when it is purged, until when something rests, when a bucket was made and opened,
// and when an operation took each of its steps, by the time that most nodes agree on: whoever asks has counted from his own clock. By one that
// is a year late a drop would be purged at once; by one that is early a pause would last a year, no end would
// end a maintenance, and an operation that was begun next year would never take too long.

import type {OperationId} from '@flotilla/base';
import type {Command} from '@flotilla/catalog';

export interface StampTime {
  readonly nowMs: number;
  /**
   * Other clocks say the same. A leader that has just begun has its own alone, which may be wrong; of two
   * that differ nobody knows which one is right.
   */
  readonly isAgreed: boolean;
  /** When the operation took the last of its steps, as they are told; undefined: there is no such operation. */
  readonly lastStepMs: (operation: OperationId) => number | undefined;
}

/**
 * The command with its times counted from `nowMs`; how long the trash keeps it, or something rests, stays as
 * asked for. Of a time that is not agreed on and that of whoever drops the later one counts: nothing is purged
 * too soon; and of whoever alters a ttl the earlier one: all that it keeps is shown, and what is too much hidden
 * again. A rest is then counted by whoever asks for it: by the later of two clocks it could last for days. What
 * only tells when something was done is told by the leader's time in any case, so that all such times are of one
 * clock and in their order.
 */
export function stampTimes<C extends Command>(command: C, time: StampTime): C {
  const {nowMs, isAgreed, lastStepMs} = time;
  const atMs = Math.floor(nowMs);
  switch (command.type) {
    case 'register-node':
    case 'declare-lost':
    case 'recover-replica-set':
    case 'skip-entry':
    case 'begin-skip':
    case 'create-token':
    case 'create-operation':
    case 'ensure-bucket':
    case 'open-replica-sets':
      return {...command, atMs};
    case 'update-operation':
      // The leader of the step before may have had another time.
      return {...command, atMs: Math.max(atMs, lastStepMs(command.operation) ?? atMs)};
    case 'alter-database': {
      const {atMs: askedAtMs = atMs} = command;
      return {...command, atMs: isAgreed ? atMs : Math.min(atMs, askedAtMs)};
    }
    case 'drop-database':
    case 'drop-table':
    case 'drop-tenant': {
      const {atMs: askedAtMs, purgeAtMs} = command;
      if (askedAtMs === undefined || purgeAtMs === undefined) return command;
      const droppedAtMs = isAgreed ? atMs : Math.max(atMs, askedAtMs);
      return {...command, atMs: droppedAtMs, purgeAtMs: purgeAtMs - askedAtMs + droppedAtMs};
    }
    case 'set-automation': {
      if (!isAgreed) return command;
      const {atMs: askedAtMs, untilMs} = command;
      return {...command, atMs, untilMs: untilMs && untilMs - askedAtMs + atMs};
    }
    case 'set-maintenance': {
      const {atMs: askedAtMs, maintenance} = command;
      // Absent of a node with an older build.
      if (!isAgreed || askedAtMs === undefined) return command;
      const untilMs = maintenance.untilMs - askedAtMs + atMs;
      return {...command, atMs, maintenance: {...maintenance, untilMs}};
    }
    default:
      return command;
  }
}
