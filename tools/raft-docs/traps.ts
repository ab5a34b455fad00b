// Table (b) of docs/raft.md: eighty ways in which Raft and Multi-Raft go wrong, and what shows that
// they do not here.

import {at, host, type Row, raft, SIMULATION, scenarios} from './evidence.ts';

const meta = (file: string, ...titles: string[]) =>
  at(`packages/meta/src/${file}.test.ts`, ...titles);
const replica = (file: string, ...titles: string[]) =>
  at(`packages/replica/src/${file}.test.ts`, ...titles);
const storage = (file: string, ...titles: string[]) =>
  at(`packages/storage/src/${file}.test.ts`, ...titles);

const ELECTIONS: readonly Row[] = [
  {
    id: 'T1',
    text: 'A vote, or the own one, counts before it is durable: two leaders in a term after a crash.',
    shown: [
      ...scenarios('vote-not-durable', 'one-vote-per-term'),
      ...raft(
        'laws',
        'a vote in a term that is already durable is written before it is told',
        'the own vote counts with its own write, not with an earlier one',
      ),
      ...host('host/restart-vote', 'a voter that restarts gives no second vote in the term'),
      ...SIMULATION,
    ],
  },
  {
    id: 'T2',
    text: 'A term becomes durable after entries of that term.',
    shown: [
      ...host('log/recovery', 'cuts a torn last record at every length, and goes on writing'),
      ...SIMULATION,
    ],
    note: 'Both are one atomic record.',
  },
  {
    id: 'T3',
    text: 'A commit index becomes durable before its entries.',
    shown: [
      ...host(
        'log/recovery',
        'cuts a torn last record at every length, and goes on writing',
        'any prefix of unsynced sectors is a torn end, never damage',
      ),
      ...raft('log', 'a broken promise of the host is a bug, not a value'),
    ],
    note: 'The same record again; a log that says otherwise does not open.',
  },
  {
    id: 'T4',
    text: 'Logs are compared part by part instead of by term first.',
    shown: [
      ...scenarios('vote-by-last-term-not-length', 'vote-by-index-within-a-term'),
      ...raft('log', 'logs compare by term first, then by length'),
    ],
  },
  {
    id: 'T5',
    text: 'A pre-vote raises a term or resets a timer.',
    shown: scenarios('pre-vote', 'pre-vote-lower-term'),
  },
  {
    id: 'T6',
    text: 'Under pre-vote those of a lower term never learn the higher one.',
    shown: scenarios('pre-vote-lower-term'),
  },
  {
    id: 'T7',
    text: 'A candidate of a higher term ignores the leader, and nobody hears the candidate.',
    shown: scenarios('stuck-candidate', 'ordered-candidate-goes-on'),
  },
  {
    id: 'T8',
    text: 'A pre-candidate still counts its old leader, or old votes.',
    shown: [...scenarios('failover', 'promoted-voters-vote'), ...SIMULATION],
  },
  {
    id: 'T9',
    text: 'A late pre-vote answer starts another campaign.',
    shown: [
      ...scenarios('ordered-pre-vote-ends'),
      ...raft('election', 'a pre-vote answer that comes late starts nothing'),
      ...SIMULATION,
    ],
  },
  {
    id: 'T10',
    text: 'A candidate counts its own vote, or a leader its own acknowledgement, of an older term.',
    shown: [
      ...scenarios('vote-of-an-earlier-campaign', 'own-vote-of-the-present-term'),
      ...raft(
        'election',
        'the own vote of an election that was lost counts in no later one',
        'a write of an earlier term acknowledges nothing that took its place',
      ),
      ...raft('laws', 'the own vote counts with its own write, not with an earlier one'),
    ],
  },
  {
    id: 'T11',
    text: 'A one-way cut: one that hears nobody deposes leaders, one that is not heard keeps followers quiet.',
    shown: [
      ...scenarios('pre-vote', 'check-quorum', 'check-quorum-counts-voters'),
      ...SIMULATION,
      ...at(
        'test/faults/partitions.test.ts',
        'a leader that %s gives way once, and disturbs nobody after',
      ),
    ],
    note: 'The simulation cuts links in one direction.',
  },
  {
    id: 'T12',
    text: 'A restarted replica votes although it promised a lease before.',
    shown: [
      ...raft(
        'lease',
        'a restarted voter withholds its vote for one lease, from a transfer too',
        'a restarted target told to stand waits until its own promise is over',
      ),
      ...raft(
        'raft-group',
        'under lease reads a restarted replica votes only after an election timeout',
      ),
    ],
  },
  {
    id: 'T13',
    text: 'Only requests of a higher term make a leader step down, answers do not.',
    shown: [
      ...scenarios('step-down-on-higher-term'),
      ...raft(
        'election',
        'every message of a higher term that may raise it makes any role a follower',
      ),
    ],
  },
  {
    id: 'T14',
    text: 'A stale append or a refused vote resets the election timer.',
    shown: [
      ...scenarios('refused-vote-keeps-the-timer'),
      ...raft('laws', 'an append of an old term changes nothing, even while no leader is known'),
      ...raft(
        'election',
        'neither an old append nor a vote that was refused keeps a follower from standing',
      ),
    ],
  },
  {
    id: 'T15',
    text: 'A removed member disturbs the group.',
    shown: [
      ...host(
        'host/traps',
        'a member that was removed while it was away disturbs nobody when it comes back',
      ),
      ...scenarios('removed-member'),
      ...host('host/host', 'a follower names the leader, an unknown set is gone'),
    ],
  },
  {
    id: 'T16',
    text: 'After a stall all missed ticks come at once, and everybody stands.',
    shown: host('host/stalls', 'a loop that stood still for a minute deposes nobody').concat(
      host('liveness/node-liveness', 'a late loop suspects nobody'),
    ),
  },
  {
    id: 'T17',
    text: 'All groups of a dead node elect in lock-step.',
    shown: [
      ...scenarios('different-timeouts'),
      ...raft('raft-group', 'the election timeout is drawn anew with each change of role'),
      ...host('host/host', 'elect, sleep, send nothing, and wake for a write and for a dead node'),
      ...host(
        'host/failover-time',
        'many groups that lose their leader to %s at once split few votes',
        'what a dead node led is led by several others',
      ),
    ],
    note: 'Followers take turns, each group begins with another one.',
  },
];

const REPLICATION: readonly Row[] = [
  {
    id: 'T18',
    text: 'Entries of earlier terms commit by counting.',
    shown: scenarios('figure-8'),
  },
  {
    id: 'T19',
    text: 'A late, short append deletes what was acknowledged.',
    shown: [...scenarios('late-short-append', 'repeated-append'), ...SIMULATION],
  },
  {
    id: 'T20',
    text: 'A follower commits beyond what it knows to match.',
    shown: [
      ...scenarios('heartbeat-is-an-empty-append'),
      ...raft('laws', 'a commit index is taken only as far as the append was verified'),
    ],
  },
  {
    id: 'T21',
    text: 'A leader counts entries that its own disk has not.',
    shown: [...scenarios('commit-needs-own-disk'), ...SIMULATION],
  },
  {
    id: 'T22',
    text: 'One node that loses unsynced writes loses them for all.',
    shown: [
      ...host(
        'host/old-image',
        'a store that came back older stops its replicas at once, and they are never opened again',
        'the loss is told once, and the next one again; a new replica lives beside it',
      ),
      ...at(
        'test/cluster/old-image.test.ts',
        'an old image of a node never takes part again, and its replicas are made anew',
      ),
    ],
  },
  {
    id: 'T23',
    text: 'A late confirmation of an overwritten entry confirms what took its place.',
    shown: [
      ...scenarios('async-writes-aba'),
      ...raft('log', 'a confirmed write says nothing about what replaced its entries'),
    ],
  },
  {
    id: 'T24',
    text: 'Writes that end out of order move the watermark too far.',
    shown: [
      ...raft(
        'laws',
        'an append that came twice is not acknowledged before its entries are durable',
      ),
      ...host('log/segment-log', 'what gathers during a sync becomes one record and one sync'),
    ],
    note: 'Writes of a store are durable in one order; a number covers all before it.',
  },
  {
    id: 'T25',
    text: 'Backing up goes one too far, or in circles on a long tail.',
    shown: [
      ...scenarios('fast-backtracking', 'back-up-without-a-hole'),
      ...raft('log', 'findConflictByTerm is the last place that can agree'),
    ],
  },
  {
    id: 'T26',
    text: 'A full window of which everything is lost stalls for ever.',
    shown: scenarios('window-full'),
  },
  {
    id: 'T27',
    text: 'A follower that has all stays in probing while nothing is proposed.',
    shown: scenarios('probing-ends-by-heartbeat'),
  },
  {
    id: 'T28',
    text: 'An answer of before a member was removed and added counts for the new one.',
    shown: scenarios('session-ids'),
  },
  {
    id: 'T29',
    text: 'The sum over a quorum relies on an order that is not there.',
    shown: raft(
      'quorum',
      'committedIndex is the highest index that both halves reached',
      'voteResult is pending exactly while the missing votes decide',
    ),
  },
  {
    id: 'T30',
    text: 'A new commit index is not told to a follower that waits for it.',
    shown: [...scenarios('lagging-commit-is-told', 'commit-waits'), ...SIMULATION],
  },
  {
    id: 'T31',
    text: 'A proposal lost at a change of leader is retried and applied twice.',
    shown: [
      ...scenarios('lost-proposal', 'leader-dies-its-entry-commits', 'overwritten-may-yet-commit'),
      ...replica('replica-machine', 'a write is applied once, by its sequence and by its key'),
      ...replica('retry-window', 'nothing is new twice, whatever the order, through records too'),
      ...at(
        'test/cluster/promises.test.ts',
        'is applied once, through every node and after all were killed',
      ),
    ],
  },
  {
    id: 'T32',
    text: 'Whoever waits for a superseded entry waits for ever.',
    shown: [
      ...host(
        'host/traps',
        'whoever waits at a leader that was cut off is told in time, though a snapshot takes its log away',
      ),
      ...scenarios('lost-proposal', 'check-quorum'),
      ...raft('laws', 'proposals that a snapshot jumps over are unknown, those behind it lost'),
      ...raft(
        'raft-group',
        'a proposal ends although its leader may lead on without a quorum',
        'proposals of a leader that removed itself and hears nobody end',
      ),
      ...host('host/refusals', 'a majority that is lost ends every proposal in time, as unknown'),
    ],
  },
  {
    id: 'T33',
    text: 'Without a quorum the uncommitted tail grows without bound.',
    shown: [
      ...scenarios('uncommitted-limit'),
      ...host('host/refusals', 'overload is refused before anything is proposed'),
    ],
  },
  {
    id: 'T34',
    text: 'A failed read of the log counts as sent.',
    shown: raft(
      'raft-group',
      'a failed read is asked for again at the next heartbeat reply',
      'a log that was cut while it was being read asks for a snapshot',
    ),
  },
  {
    id: 'T35',
    text: 'One follower that hangs holds up everybody.',
    shown: [
      ...scenarios('hung-follower'),
      ...host(
        'host/standstill',
        'nobody waits for a follower that %s, in its own group or another',
      ),
      ...meta('reconciler', 'a silent node delays no round, and is seen as silent'),
    ],
  },
];

const SNAPSHOTS: readonly Row[] = [
  {
    id: 'T36',
    text: 'Members of an uncommitted change survive a snapshot.',
    shown: scenarios('snapshot-over-uncommitted-members'),
  },
  {
    id: 'T37',
    text: 'A snapshot that the log already holds discards newer entries.',
    shown: scenarios('snapshot-fast-forward'),
  },
  {
    id: 'T38',
    text: 'A snapshot older than the commit index is installed.',
    shown: raft(
      'follower',
      'a snapshot at or below the commit index is answered with it and changes nothing',
    ),
  },
  {
    id: 'T39',
    text: 'Somebody stands who is about to become a snapshot.',
    shown: [
      ...scenarios('installing-replica-does-not-stand'),
      ...raft('laws', 'who is about to become a snapshot does not stand').concat(
        raft(
          'raft-group',
          'what a late vote says is committed does not disturb a snapshot that is being installed',
        ),
      ),
    ],
  },
  {
    id: 'T40',
    text: 'A leader compacted to its tip, and idle, never serves a follower of unknown log.',
    shown: scenarios('leader-compacted-to-its-tip'),
  },
  {
    id: 'T41',
    text: 'A follower stays in the snapshot state when its answer is lost.',
    shown: [
      ...scenarios('snapshot-answer-lost', 'snapshot-abandoned', 'snapshot-fast-forward'),
      ...raft('laws', 'a snapshot that the host never made is asked for again'),
      ...host('snapshot/snapshots', 'lost frames are sent again from what was acknowledged'),
    ],
  },
  {
    id: 'T42',
    text: 'The log is cut past a slow but live follower, which needs snapshot after snapshot.',
    shown: [
      ...scenarios('probe-keeps-its-guess', 'snapshot-retries-pause'),
      ...host(
        'host/retention',
        'what an absent member lacks is kept and read back from disk',
        'over its budget a group lets go, and who is behind takes a snapshot',
      ),
      ...host(
        'host/pinned-log',
        'a learner on a slow link under steady writes needs one snapshot, though the log is over its budget',
      ),
      ...host(
        'host/needless-snapshots',
        'one after the other may be away, and who leads then still has what each lacks',
      ),
    ],
  },
  {
    id: 'T43',
    text: 'Installing a snapshot is not atomic with the log.',
    shown: [
      ...host(
        'snapshot/snapshots',
        'a receiver that crashes at any moment comes back empty or with the whole snapshot',
        'a crash between the record and the installation is redone at the start',
      ),
      ...storage(
        'replica-storage-snapshots',
        'an install that dies leaves the old state or the new one',
      ),
    ],
  },
  {
    id: 'T44',
    text: 'Entries are applied while a snapshot takes their place.',
    shown: [
      ...host(
        'snapshot/snapshots',
        'a batch that waits to be applied is void once a snapshot takes its place',
      ),
      ...SIMULATION,
    ],
  },
  {
    id: 'T45',
    text: 'Making a snapshot holds up appends and applying.',
    shown: [
      ...host(
        'host/standstill',
        'a snapshot that is not made yet holds up neither writes nor applying, and is sent once it is',
      ),
      ...storage(
        'replica-storage',
        'writes and scans go on while a flush and a compaction run, and a scan keeps what it pinned',
      ),
    ],
    note: 'A snapshot is a set of immutable files that are there: what could hold up is their making.',
  },
];

const MEMBERS: readonly Row[] = [
  {
    id: 'T46',
    text: 'Changes by one member under two leaders make two majorities.',
    shown: [...scenarios('two-changes-at-once'), ...SIMULATION],
  },
  {
    id: 'T47',
    text: 'Two changes are in flight.',
    shown: [...scenarios('two-changes-at-once', 'config-expected-index'), ...SIMULATION],
  },
  {
    id: 'T48',
    text: 'Somebody stands who has not applied a committed change.',
    shown: [
      ...scenarios('candidate-tells-commit'),
      ...raft('raft-group', 'a committed change of members that is not applied forbids standing'),
    ],
  },
  {
    id: 'T49',
    text: 'A change counts from its append at one place and from its apply at another.',
    shown: [...scenarios('snapshot-over-uncommitted-members', 'joint-explicit'), ...SIMULATION],
    note: 'Always from apply, so an overwritten change was never in force.',
  },
  {
    id: 'T50',
    text: 'A learner refuses its vote, not knowing that it is a voter.',
    shown: scenarios('learner-must-vote', 'promoted-voters-vote'),
  },
  {
    id: 'T51',
    text: 'A learner becomes a voter, or a leader, before it has caught up.',
    shown: [
      ...scenarios('transfer-aborted', 'transfer-target-behind', 'timeout-now-at-a-learner'),
      ...at('packages/catalog/src/planning/member-operation.test.ts', 'move at %s: %s'),
      ...host('host/members', 'a learner added late gets a snapshot, catches up and is promoted'),
      ...meta(
        'reconciler',
        'a bucket opens, and a cluster of one spreads to three in one joint change each',
      ),
    ],
  },
  {
    id: 'T52',
    text: 'A joint configuration is never left.',
    shown: scenarios('joint-left-after-a-transfer', 'joint-auto-leave', 'joint-new-leader-leaves'),
  },
  {
    id: 'T53',
    text: 'A voter demoted in a joint configuration no longer votes in its outgoing half.',
    shown: [
      ...scenarios('demoted-voters-count', 'joint-learners-next'),
      ...raft(
        'configuration',
        'entering and leaving a joint configuration does what the changes say',
      ),
    ],
  },
  {
    id: 'T54',
    text: 'A leader that removes itself leaves at once, or counts itself.',
    shown: [
      ...scenarios('leader-informs-before-it-leaves', 'leader-removes-itself'),
      ...raft(
        'laws',
        'a leader that removed itself leads, and proposes nothing, until the others know',
      ),
    ],
  },
  {
    id: 'T55',
    text: 'What a smaller quorum already has is not committed when the quorum shrinks.',
    shown: [
      ...scenarios('smaller-quorum-commits'),
      ...raft('laws', 'a smaller quorum commits and confirms what the larger one was waiting for'),
    ],
  },
  {
    id: 'T56',
    text: 'A new member counts as dead at once.',
    shown: [
      ...scenarios('new-members-have-time'),
      ...raft('laws', 'a new member has its chance to speak before the quorum is checked'),
    ],
  },
  {
    id: 'T57',
    text: 'The members after a restart or a snapshot are not those that were in force.',
    shown: [
      ...scenarios('removed-for-good', 'snapshot-over-uncommitted-members'),
      ...host(
        'host/restart-vote',
        'voters that lose power do not ask the one for its vote that a change removed and that is gone',
      ),
      ...host('log/recovery', 'the index that made a configuration is known from the log itself'),
      ...meta('meta-state-machine', 'a configuration is part of the durable point'),
    ],
  },
  {
    id: 'T58',
    text: 'A lease of the old members outlives a change of members.',
    shown: raft('lease', 'a lease does not outlive a change of the members that gave it'),
  },
];

const READS: readonly Row[] = [
  {
    id: 'T59',
    text: 'A new leader reads at its commit index before it has committed.',
    shown: scenarios('read-index-before-first-commit'),
  },
  {
    id: 'T60',
    text: 'A learner, or one half of a joint configuration, confirms a read.',
    shown: scenarios('read-index-counts-voters', 'read-index-joint'),
  },
  {
    id: 'T61',
    text: 'An answer to an older round or of an older term confirms a read.',
    shown: [
      ...raft('read-index', 'an answer to a round begun before the read confirms nothing'),
      ...raft('laws', 'a deposed leader drops its reads at once'),
      ...host(
        'host/reads',
        'an answer to a read of the process before answers no read of this one',
      ),
    ],
  },
  {
    id: 'T62',
    text: 'A follower serves a read once its index is committed, not applied.',
    shown: [
      ...scenarios('read-index-from-follower'),
      ...host(
        'host/reads',
        'a read waits until its index is applied where it was asked',
        'a read at any replica covers every write acknowledged before it',
      ),
    ],
  },
  {
    id: 'T63',
    text: 'A lease counts from the answer, or by a clock that jumps or stands still.',
    shown: [
      ...scenarios('lease-read'),
      ...raft('laws', 'a lease runs from when its round was sent, not from when it was answered'),
      ...raft(
        'lease',
        'a lease ends by the clock, not by the ticks that a stall swallowed',
        'the lease ends before the earliest moment at which a follower may forget its promise',
        'a higher term alone frees nobody from its promise',
        'who answered the leader does not stand on order while its answer is worth a lease',
      ),
    ],
  },
  {
    id: 'T64',
    text: 'A lease is served while leadership is given away.',
    shown: [
      ...raft(
        'lease',
        'a transfer frees the voters, as it ended the lease',
        'with a dead target a read fails to go by lease, and the group serves again in time',
      ),
      ...raft(
        'laws',
        'no lease while the target of a transfer catches up',
        'no lease in the term once a target was told to stand, even after the transfer was given up',
      ),
    ],
  },
  {
    id: 'T65',
    text: 'A transfer to somebody behind leaves the group without a leader.',
    shown: scenarios('transfer-target-behind', 'transfer-aborted', 'transfer-target-gone'),
  },
];

const MANY_GROUPS: readonly Row[] = [
  {
    id: 'T66',
    text: 'A wiped replica comes back under its id: votes forgotten, old members replayed.',
    shown: [
      ...host('host/members', 'destroyed and made again under a new id, it sees nothing of before'),
      ...host(
        'host/old-image',
        'a store that came back older stops its replicas at once, and they are never opened again',
      ),
      ...at(
        'test/cluster/joining.test.ts',
        'one whose directory was emptied is a new node, also the founder, which joins',
      ),
    ],
  },
  {
    id: 'T67',
    text: 'The tombstone of a replica that held nothing yet forgets its id.',
    shown: [
      ...host(
        'host/traps',
        'a replica destroyed before it ever held anything leaves its tombstone, and no late message wakes it',
      ),
      ...host(
        'host/members',
        'a crash between tombstone and removal is finished at the next start',
        'a late order to destroy an older replica leaves the one that lives alone',
      ),
    ],
  },
  {
    id: 'T68',
    text: 'A late message to a destroyed group makes a zombie.',
    shown: [
      ...host(
        'host/traps',
        'a replica destroyed before it ever held anything leaves its tombstone, and no late message wakes it',
      ),
      ...host('host/host', 'a follower names the leader, an unknown set is gone'),
      ...host(
        'host/members',
        'a move by one joint change, then the old replica is destroyed and stays gone',
      ),
    ],
  },
  {
    id: 'T69',
    text: 'A group of the same name reads entries of its predecessor in the shared log.',
    shown: host('log/recovery', 'a replica made again never sees its predecessor'),
  },
  {
    id: 'T70',
    text: 'Meta and the group disagree about the members.',
    shown: [
      ...meta(
        'reconciler-behind',
        'nothing is planned from a catalog that is behind what was committed',
      ),
      ...scenarios('config-expected-index'),
      ...meta(
        'reconciler',
        'a move goes on under the next leader of meta, and the source is destroyed',
      ),
      ...at(
        'packages/catalog/src/machine/catalog-machine.test.ts',
        'a change is fenced by the epoch and gives new replica ids',
      ),
    ],
  },
  {
    id: 'T71',
    text: 'Two leaders of meta order moves that contradict each other.',
    shown: [
      ...scenarios('config-expected-index'),
      ...at(
        'packages/catalog/src/machine/catalog-machine.test.ts',
        'one operation per set; a node that holds replicas is not decommissioned',
      ),
      ...at('test/cluster/durability.test.ts', 'and the meta leader is killed in the middle of it'),
    ],
  },
  {
    id: 'T72',
    text: 'The last healthy replica is destroyed because of a timeout.',
    shown: [
      ...at(
        'packages/catalog/src/planning/reconcile.test.ts',
        'a replica that no placement names is destroyed unless its group counts it',
      ),
      ...meta(
        'reconciler',
        "replicas stay on a node that only meta's leader cannot reach, until too few hear it",
      ),
      ...host(
        'host/members',
        'a late order to destroy an older replica leaves the one that lives alone',
      ),
      ...at(
        'packages/catalog/src/planning/convergence.test.ts',
        'growing from one node to five keeps all',
      ),
      ...at(
        'packages/catalog/src/planning/convergence.test.ts',
        'draining and cancelled moves keep all',
      ),
    ],
    note: 'No timeout destroys: only an order does, for a replica that the committed members lack.',
  },
  {
    id: 'T73',
    text: 'A sleeping group does not notice that its leader died.',
    shown: [
      ...scenarios('no-sleep-while-a-member-lags'),
      ...host(
        'host/host',
        'elect, sleep, send nothing, and wake for a write and for a dead node',
        'a leader that stops is replaced although its node lives and its followers sleep',
        'nobody falls asleep under a leader whose node is suspect',
      ).concat(
        host(
          'host/notices',
          'a sleeping follower asks its leader now and then whether it still leads',
        ),
        host(
          'host/retention',
          'a follower that sleeps under a leader that is none is woken by notice or digest',
        ),
      ),
    ],
  },
  {
    id: 'T74',
    text: 'The node is alive, one of its groups or threads is stuck.',
    shown: host('host/stalls', 'what a stalled thread leads is led by another').concat(
      host('host/host', 'a state machine that throws stops its replica alone'),
      host('liveness/node-liveness', 'a stalled thread is named, and so is its return'),
      host(
        'host/wedged',
        'a leader whose state machine takes nothing gives way to a replica that applies',
        'a follower that stands still is told of, too, and is given no lead',
      ),
    ),
  },
  {
    id: 'T75',
    text: 'A shared heartbeat is taken for a group of another term or leader.',
    shown: host(
      'host/notices',
      'a notice is repeated to each node until that one has acknowledged that term',
    ).concat(
      host(
        'liveness/node-liveness',
        'a new boot epoch is told although the node never seemed away; an old one is not heard',
      ),
      host('host/reads', 'a deposed leader answers no read and no write'),
    ),
    note: 'Beats tell of nodes and threads alone, never of groups; what is said of groups names set and term.',
  },
  {
    id: 'T76',
    text: 'A snapshot or a hot group delays the signs of life on a shared connection.',
    shown: [
      ...host('host/traps', 'does not make the writes of another wait for it'),
      ...host(
        'snapshot/snapshots',
        'never more than the window is unacknowledged, and nothing of it stays behind',
      ),
      ...host(
        'host/fragments',
        'whatever the sizes, frames stay small and all items come back in order',
      ),
      ...at(
        'test/faults/partitions.test.ts',
        'a snapshot over a link of 10 Mbit/s makes no election',
      ),
    ],
  },
  {
    id: 'T77',
    text: 'A failed fsync is tried again and passes.',
    shown: host(
      'host/host',
      'a failed sync stops the store, loses nothing and is never retried',
    ).concat(
      host(
        'log/segment-log',
        'after a failed sync the log is dead for everyone, and recovery replays what is there',
      ),
      storage(
        'replica-storage-crashes',
        'a failed write to disk fails this flush and every later one',
      ),
    ),
  },
  {
    id: 'T78',
    text: 'A damaged record in the middle of the log is cut off like a torn end.',
    shown: host(
      'log/recovery',
      'a flipped bit before the last record is damage that names its place; in the last it is a torn end',
    ).concat(
      host('log/segment-log', 'a lost segment that is still needed is damage'),
      host(
        'host/damaged-log',
        'a log damaged in its middle is not opened by who has nobody to replace its replicas from',
        'its replicas never vote or acknowledge again, and are replaced under new ids',
      ),
    ),
  },
  {
    id: 'T79',
    text: 'A leader whose disk stands still keeps its leadership.',
    shown: host('host/stalls', 'a leader whose disk stands still gives its leadership away'),
  },
  {
    id: 'T80',
    text: 'JavaScript: numbers beyond 2^53, shared buffers, the order of microtasks.',
    shown: [
      ...at(
        'packages/server/src/node/engine-client.test.ts',
        'a slice of the pool is copied before it is given away',
      ),
      ...raft('configuration', 'a change survives its encoding'),
      ...at('packages/wire/src/codecs.test.ts', 'integers past 2^53 are refused'),
      ...raft('validation', 'no number in a %s that is no safe count gets in'),
      ...host(
        'host/traps',
        'no frame that was handed over is touched again, however buffers are used',
      ),
      ...at('tools/pure-core.test.ts', '%s goes red in the core'),
      ...host('host/chaos', 'the same seed gives the same run'),
    ],
  },
];

export const TRAPS: readonly Row[] = [
  ...ELECTIONS,
  ...REPLICATION,
  ...SNAPSHOTS,
  ...MEMBERS,
  ...READS,
  ...MANY_GROUPS,
];
