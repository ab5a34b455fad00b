// How long things wait, as presets by distance between nodes, checked against each other: a beat that
// is late must not look like a dead node, nor a dead node wait for a Raft timeout.

import {assert} from '@flotilla/base';

export interface Timing {
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  readonly electionTicks: number;
  /** Between two nodes, whatever the number of groups. */
  readonly beatMs: number;
  /** Between looks at what the others sent and at the own threads; what is new there is told at once. */
  readonly watchMs: number;
  /** Without a beat for a time between these two, drawn anew each time, a node is suspect. */
  readonly suspectMinMs: number;
  readonly suspectMaxMs: number;
  /** Groups led from a thread that stood still this long count as led by a dead node. */
  readonly stallMs: number;
  /** A loop later than this distrusts its own waits and begins them anew. */
  readonly lateMs: number;
  /**
   * Between the campaigns of two followers of a dead leader, who take turns: some round trips, or
   * all of them ask for each of thousands of groups.
   */
  readonly campaignSpreadMs: number;
  readonly noticeMs: number;
  readonly digestMs: number;
}

const LOCAL: Timing = {
  tickMs: 50,
  heartbeatTicks: 2,
  electionTicks: 20,
  beatMs: 100,
  watchMs: 50,
  suspectMinMs: 500,
  suspectMaxMs: 700,
  stallMs: 500,
  lateMs: 100,
  campaignSpreadMs: 50,
  noticeMs: 500,
  digestMs: 10_000,
};

export const TIMINGS = {
  /** One machine or one rack. */
  local: LOCAL,
  /** Zones of one region: round trips of some ms. */
  zone: {
    ...LOCAL,
    tickMs: 75,
    suspectMinMs: 750,
    suspectMaxMs: 1_000,
    stallMs: 750,
    campaignSpreadMs: 150,
  },
  /** Between regions: round trips of 100 ms and more. */
  wan: {
    ...LOCAL,
    tickMs: 250,
    beatMs: 400,
    watchMs: 200,
    suspectMinMs: 2_500,
    suspectMaxMs: 3_500,
    stallMs: 2_500,
    lateMs: 300,
    campaignSpreadMs: 1_000,
    noticeMs: 1_000,
  },
} as const satisfies Record<string, Timing>;

/**
 * Retention, disk space: what need not happen in every tick. Not in step with election timeouts: at the end
 * of each a leader forgets for a moment who has answered, and knows nobody to give its place to.
 */
export const HOUSEKEEPING_MS = 1_100;

export type TimingPreset = keyof typeof TIMINGS;

/** Throws on times that contradict each other: a mistake of whoever made the preset. */
export function checkTiming(timing: Timing): void {
  const {tickMs, heartbeatTicks, electionTicks, beatMs, watchMs} = timing;
  const {suspectMinMs, suspectMaxMs} = timing;
  for (const [name, value] of Object.entries(timing))
    assert(value > 0, () => `${name} is ${value}`);
  assert(heartbeatTicks * 4 <= electionTicks, 'three lost heartbeats must not make an election');
  assert(watchMs <= beatMs, 'a beat goes out at a look');
  assert(beatMs * 5 <= suspectMinMs, 'four lost beats must not make a node suspect');
  assert(suspectMinMs < suspectMaxMs, 'suspicion needs a spread');
  assert(
    suspectMaxMs <= electionTicks * tickMs,
    'a dead node must be noticed before its groups time out one by one',
  );
  assert(timing.stallMs >= watchMs * 4, 'a stall is longer than a few looks');
  assert(timing.lateMs < suspectMinMs, 'a loop may not be later than suspicion');
  assert(timing.campaignSpreadMs < suspectMinMs, 'the spread of campaigns exceeds suspicion');
}
