// Why a node's process ended, for units and scripts.

export const EXIT_CODES = {
  /** Stopped on request, cleanly. */
  stopped: 0,
  /** It could not start: a flag, a port, the data directory; or it is a member no more. */
  startFailed: 1,
  /** An engine thread died; its groups fail over, the restart replays the log. */
  engineDied: 70,
  /** The background worker died. */
  backgroundDied: 71,
  /** A disk failed under a store, or the store is damaged. */
  storeFailed: 74,
  /** The data directory is an older image of itself: what is lost is marked, and can be started. */
  oldImage: 76,
  /** The cluster uses what this build does not know: it was upgraded, and that was finalized. */
  buildTooOld: 77,
  /** Another process lives as the same node: one of the two runs on a copy of the data directory. */
  runsTwice: 78,
  /** A clean stop took too long and was cut off. */
  stopTimedOut: 75,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
