// Table (a) of docs/raft.md: what textbook Raft says, and where it is seen here.

import {at, type Row, raft, SIMULATION, scenarios} from './evidence.ts';

export const STATEMENTS: readonly Row[] = [
  {
    text: 'Each server is follower, candidate or leader.',
    shown: scenarios('three-roles'),
    note: 'With pre-vote there is a fourth, the pre-candidate, which has changed nothing yet.',
  },
  {
    text: 'Five servers: SET x=10 goes from start to election to commit to confirmation.',
    shown: scenarios('five-servers-set-x'),
  },
  {
    text: 'An entry is an operation with its index and its term.',
    shown: [
      ...scenarios('five-servers-set-x', 'election'),
      ...raft('lab/lab', 'nodes start with an empty log, in no term'),
    ],
    note: 'A new leader’s first entry has no operation: without it older entries could wait for ever.',
  },
  {
    text: 'AppendEntries without entries is the heartbeat.',
    shown: scenarios('heartbeat-is-an-empty-append'),
    note: 'Here two messages: a heartbeat may only tell a commit index up to what that follower is known to hold; an append without entries asks where it stands.',
  },
  {
    text: 'Election timeouts differ, so that servers do not stand together.',
    shown: [
      ...scenarios('different-timeouts', 'split-vote'),
      ...raft(
        'raft-group',
        'the election timeout is drawn from [E, 2E)',
        'the election timeout is drawn anew with each change of role',
      ),
    ],
    note: 'Drawn once is not enough: two that drew the same would split every vote. Drawn anew with each change of role.',
  },
  {
    text: 'One vote a term, to whoever asks first.',
    shown: scenarios('one-vote-per-term', 'vote-not-durable', 'sole-voter'),
    note: 'Told once it is durable. Accounts that leave the disk out allow two leaders after a crash.',
  },
  {
    text: 'A candidate that hears the leader of its own term follows it.',
    shown: scenarios('candidate-follows-the-elected'),
  },
  {
    text: 'Whoever meets a higher term becomes a follower.',
    shown: scenarios('step-down-on-higher-term'),
    note: 'Except for a pre-vote, and for the vote request of somebody whom a live leader’s followers do not hear.',
  },
  {
    text: 'A leader whose append is refused with a higher term steps down.',
    shown: scenarios('step-down-on-higher-term', 'stuck-candidate'),
  },
  {
    text: 'Votes go by the last entry’s term, then its index; not by length.',
    shown: [
      ...scenarios('vote-by-last-term-not-length', 'vote-by-index-within-a-term'),
      ...raft('log', 'logs compare by term first, then by length'),
    ],
    note: 'As a pair, in this order: comparing both parts at once refuses candidates that must win.',
  },
  {
    text: 'A majority commits; only entries of the current term commit by counting.',
    shown: scenarios('figure-8', 'five-servers-set-x'),
    note: '“On a majority, hence committed” is wrong for entries of earlier terms: figure 8 loses one.',
  },
  {
    text: 'The leader retries for ever.',
    shown: scenarios('retry-for-ever', 'unreachable-member'),
    note: 'Not blindly: one probe per heartbeat until the follower answers, then a stream.',
  },
  {
    text: 'Appends stream ahead of their answers.',
    shown: scenarios('window-full', 'window-by-bytes', 'hung-follower'),
    note: 'Within a window of messages and of bytes: “send and forget” fills a slow follower’s memory.',
  },
  {
    text: 'A repeated append is ignored.',
    shown: scenarios('repeated-append', 'late-short-append'),
    note: 'Ignored, but answered. “Delete what follows” is wrong: only a conflict deletes.',
  },
  {
    text: 'A follower refuses what does not fit, and the leader backs up, so there is no hole.',
    shown: scenarios('back-up-without-a-hole', 'fast-backtracking'),
    note: 'By whole terms, not one entry at a time, or a long divergent tail takes for ever.',
  },
  {
    text: 'A leader dies after its own append: another is elected, and its entry is gone when it rejoins.',
    shown: [
      ...scenarios('leader-dies-its-entry-is-gone', 'lost-proposal'),
      ...at(
        'test/faults/leader-dies.test.ts',
        'its entry is gone when others were elected meanwhile',
      ),
    ],
    note: 'The second is kill -9 on real processes.',
  },
  {
    text: 'A leader dies after its own append: it comes back, wins, and commits it.',
    shown: [
      ...scenarios('leader-dies-its-entry-commits', 'leader-dies-one-follower-has-it'),
      ...at('test/faults/leader-dies.test.ts', 'its entry commits when it is elected again'),
    ],
    note: 'So a write without an answer is unknown, never failed.',
  },
  {
    text: 'Split brain is impossible: two may believe to lead, one can commit.',
    shown: [
      ...scenarios('split-brain', 'check-quorum'),
      ...SIMULATION,
      ...at(
        'test/faults/partitions.test.ts',
        'a leader that is cut off: writes go on elsewhere, its own reads are refused, nothing is lost',
      ),
    ],
    note: 'Two leaders at one moment are possible, in different terms: reads need a round of their own, or a lease.',
  },
  {
    text: 'Failover: without its leader the group elects another.',
    shown: [
      ...scenarios('failover'),
      ...at('test/cluster/durability.test.ts', 'the busiest leader killed in the middle'),
    ],
  },
  {
    text: 'Manual failover: nobody stands unless an operator says so.',
    shown: [
      ...scenarios('manual-failover', 'ordered-candidate-goes-on', 'ordered-pre-vote-ends'),
      ...at(
        'packages/multiraft/src/host/host.test.ts',
        'leadership moves on order, on a clean stop, and not by itself under manual failover',
      ),
      ...at(
        'packages/multiraft/src/host/sleep.test.ts',
        'a candidate by order whose votes are lost is elected in the end, though nobody orders again',
      ),
      ...at(
        'test/faults/partitions.test.ts',
        'under manual failover a set whose leader is cut off waits for an operator',
      ),
    ],
    note: 'The rules of voting stay as they are: an operator cannot elect whoever lacks a committed entry. An order that no majority answers ends with the election timeout; once its term is raised it goes on until somebody leads.',
  },
  {
    text: 'How to choose timeouts: round trip well below heartbeat, heartbeat well below election timeout, that well below the time between failures.',
    shown: [
      ...raft(
        'raft-group',
        'the election timeout is drawn from [E, 2E)',
        'a broken promise of the host is a bug',
      ),
      ...at(
        'packages/multiraft/src/host/timing.test.ts',
        'every preset agrees with itself',
        'times that contradict each other are refused',
      ),
    ],
    note: 'See below. The disk counts too: a vote and an append are answered after an fsync.',
  },
  {
    text: 'Reads are as current as writes.',
    shown: scenarios(
      'read-index-single',
      'read-index-before-first-commit',
      'read-index-from-follower',
      'read-index-joint',
      'lease-read',
    ),
    note: '“Read from the leader” alone is wrong: it may be one no longer.',
  },
  {
    text: 'Members change while the group works, without two majorities.',
    shown: scenarios(
      'joint-auto-leave',
      'joint-explicit',
      'joint-learners-next',
      'two-changes-at-once',
      'leader-removes-itself',
    ),
    note: 'One member at a time is safe only after the leader committed in its term.',
  },
  {
    text: 'A snapshot takes the place of a log that is gone.',
    shown: scenarios('snapshot-for-a-late-member', 'snapshot-fast-forward', 'snapshot-abandoned'),
  },
];
