// What may happen in a simulated run, and how often.

/** How often each event comes, before a seed makes some rare and some frequent. */
export const WEIGHTS = {
  deliver: 400,
  turn: 500,
  process: 100,
  persist: 80,
  apply: 60,
  tick: 250,
  propose: 40,
  read: 30,
  crash: 5,
  members: 14,
  compact: 6,
  transfer: 3,
  cut: 2,
  isolate: 4,
  heal: 12,
  campaign: 6,
  forget: 4,
  reach: 2,
  endTransfers: 3,
  evict: 3,
};

export type EventName = keyof typeof WEIGHTS;

/** These happen mostly to a leader, of whatever term. */
export const LEADER_EVENTS: ReadonlySet<EventName> = new Set([
  'propose',
  'read',
  'members',
  'transfer',
  'isolate',
  'crash',
]);
