import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import {type ClusterFacts, lastCopyDamaged, type ReplicaSetView} from './cluster-view.ts';
import {nodeConditions} from './node-reasons.ts';
import {replicaView} from './set-view.fixture.ts';
import {verdictOf} from './verdict.ts';

type NodeFact = ClusterFacts['nodes'][number];

function node(id: number, isReachable = true): NodeFact {
  return {node: {id, address: `10.0.0.${id}:8902`} as NodeFact['node'], isReachable};
}

function saying(...said: Partial<NonNullable<NodeFact['condition']>>[]): NodeFact[] {
  return said.map((more, i) => {
    const well = {clockOffsetMs: 0, diskFree: 1, clusterVersionMax: 2, heard: []};
    return {...node(i + 1), condition: {...well, ...more}};
  });
}

const DAY = 86_400_000;

function failed(id: number): ReplicaSetView {
  const stopped = 'cannot apply entry 17: want version 1; have 2';
  const replica = {replica: 12, node: 2, state: 'failed', stopped, failedIndex: 17};
  return set(id, {replicas: [{state: 'leader'}, replica]} as unknown as Partial<ReplicaSetView>);
}

function set(id: number, change: Partial<ReplicaSetView> = {}): ReplicaSetView {
  return {
    id: id as ReplicaSetId,
    state: 'open',
    leader: 1 as NodeId,
    replicas: [{state: 'leader'}, {state: 'follower'}, {state: 'follower'}],
    ...change,
  } as unknown as ReplicaSetView;
}

function lastCopy(id: number, change: object, ...others: object[]): ReplicaSetView {
  const sole = {replica: 12, node: 2, role: 'voter', damaged: true, ...change};
  const replicas = [sole, ...others];
  return set(id, {replicas} as unknown as Partial<ReplicaSetView>);
}

function spoilt(id: number, change: object): ReplicaSetView {
  const voter = {role: 'voter', state: 'follower'};
  const replicas = [{...voter, state: 'leader'}, {...voter, ...change}, voter];
  return set(id, {replicas} as unknown as Partial<ReplicaSetView>);
}

function facts(change: Partial<ClusterFacts> = {}): ClusterFacts {
  return {
    sets: [set(1), set(2)],
    meta: {leader: 1 as NodeId, replicas: []},
    nodes: [node(1), node(2), node(3)],
    ...change,
  };
}

function lacking(id: number, state: string): ReplicaSetView {
  return set(id, {replicas: [{state: 'leader'}, {state}]} as unknown as Partial<ReplicaSetView>);
}

function late(id: number, role: string): ReplicaSetView {
  const replicas = [
    {state: 'leader', role: 'voter'},
    {state: 'follower', role, isLate: true},
  ];
  return set(id, {replicas} as unknown as Partial<ReplicaSetView>);
}

test('a learner that is sent its copy is healthy', () => {
  expect(verdictOf(facts({sets: [late(7, 'learner')]})).verdict).toBe('healthy');
});

test('clocks that differ by two seconds, and disks with room, are healthy', () => {
  const nodes = saying({clockOffsetMs: 2_000, diskFree: 0.15}, {}, {});
  expect(verdictOf(facts({nodes}))).toEqual({verdict: 'healthy', reasons: []});
});

test('flags that are the same, or that a node of another build does not tell, are healthy', () => {
  const flags = {repair_after_ms: 5_000, trash_retention_ms: 86_400_000};
  const nodes = saying({flags}, {flags: {...flags}}, {flags: {repair_after_ms: 5_000}}, {});
  expect(verdictOf(facts({nodes}))).toEqual({verdict: 'healthy', reasons: []});
});

test('the first node to start again is one of the rarest value', () => {
  const values = [8, 2, 8, 2, 8].map((max) => ({flags: {moves_per_cluster_max: max}}));
  const {reasons} = verdictOf(facts({nodes: saying(...values)}));
  expect(reasons[0]!.next).toBe('flotilla node ok-to-stop 2');
});

test('buckets that do not open are told by what they wait for, the first ones each by itself', () => {
  const opening = (id: number) => {
    const bucket = {id, start: '', end: ''};
    return set(10 + id, {state: 'creating', leader: undefined, bucket});
  };
  const creation = (id: number) =>
    ({
      ...{id: `bucket-${id}`, database: 'd', setsOpen: 61, setsTotal: 64},
      bucket: {id, start: '', end: ''},
      waitingFor: 'node 2',
    }) as unknown as NonNullable<ClusterFacts['creations']>[number];
  const ids = [1, 2, 3, 4, 5];
  const sets = [set(1, {leader: undefined}), ...ids.map(opening)];
  const {verdict, reasons} = verdictOf(facts({sets, creations: ids.map(creation)}));
  expect(verdict).toBe('unavailable');
  expect(reasons).toHaveLength(5);
  expect(reasons[0]).toEqual({
    message:
      'bucket 1 of database d is not open yet: 61 of 64 replica sets are; it waits for node 2',
    next: 'flotilla operation show bucket-1',
  });
  expect(reasons[3]).toEqual({
    message: '2 more buckets are not open yet',
    next: 'flotilla operation list',
  });
  expect(reasons[4]!.message).toBe('replica sets without a leader: 1');
  // One that is led already opens in a moment.
  const led = set(11, {state: 'creating', bucket: {id: 1, start: '', end: ''}});
  expect(verdictOf(facts({sets: [led], creations: [creation(1)]})).verdict).toBe('healthy');
});

test('nothing wrong is healthy', () => {
  expect(verdictOf(facts())).toEqual({verdict: 'healthy', reasons: []});
  expect(verdictOf(facts({sets: []}))).toEqual({verdict: 'healthy', reasons: []});
});

describe('each reason names the thing and the next command', () => {
  const noMeta = {leader: undefined, replicas: []};
  test.each([
    {
      what: 'a node is down',
      change: {nodes: [node(1), node(2, false)]},
      verdict: 'degraded',
      says: 'node 2 (10.0.0.2:8902)',
    },
    {
      what: 'repairs stand still',
      change: {repairHalt: {silent: [2 as NodeId, 3 as NodeId], nodes: 4}},
      verdict: 'degraded',
      says: '2 of 4 nodes do not answer',
    },
    {
      what: 'a replica is missing',
      change: {sets: [set(1), lacking(7, 'missing')]},
      verdict: 'degraded',
      says: 'lack a replica: 7',
    },
    {
      what: 'what is acknowledged is on one disk',
      change: {scant: {sole: [7 as ReplicaSetId], fewer: []}},
      verdict: 'degraded',
      says: 'whose single voter alone has what they acknowledge on its disk, and no other node takes a replica now: 7',
    },
    {
      what: 'a set has two voters of three',
      change: {scant: {sole: [], fewer: [7 as ReplicaSetId, 9 as ReplicaSetId]}},
      verdict: 'degraded',
      says: 'that have fewer voters than are wanted, and no other node takes a replica now: 7, 9',
    },
    {
      what: 'a replica cannot apply an entry',
      change: {sets: [failed(7)]},
      verdict: 'degraded',
      says: 'replica set 7 has failed: replica 12 on node 2 cannot apply entry 17: want version 1',
    },
    {
      what: 'a certificate ends soon',
      change: {nodes: saying({certificateLeftMs: 14 * DAY}, {certificateLeftMs: 13.5 * DAY})},
      verdict: 'degraded',
      says: 'the certificate of node 2 (10.0.0.2:8902) ends in 13 days: then nobody connects',
    },
    {
      what: 'a certificate ends today',
      change: {nodes: saying({certificateLeftMs: 5_000_000})},
      verdict: 'degraded',
      says: 'the certificate of node 1 (10.0.0.1:8902) ends in 2h',
    },
    {
      what: 'a certificate has ended',
      change: {nodes: saying({certificateLeftMs: -1, authorityLeftMs: 400 * DAY})},
      verdict: 'degraded',
      says: 'the certificate of node 1 (10.0.0.1:8902) has ended',
    },
    {
      what: 'an authority ends soon',
      change: {nodes: saying({authorityLeftMs: 20 * DAY}, {authorityLeftMs: 20 * DAY - 5})},
      verdict: 'degraded',
      says: 'the authority of the certificates of node 1, 2 ends in 20 days',
    },
    {
      what: 'a clock is off',
      change: {nodes: saying({}, {clockOffsetMs: -2_600}, {})},
      verdict: 'degraded',
      says: "the clock of node 2 (10.0.0.2:8902) is 3s behind the others'",
    },
    {
      what: 'a clock is not to be trusted',
      change: {nodes: saying({clockOffsetMs: 86_400_000}, {}, {})},
      verdict: 'degraded',
      says: "is 1d ahead of the others': it leads nothing in meta and gets no new replicas",
    },
    {
      what: 'of two clocks one is wrong',
      change: {nodes: saying({clockOffsetMs: 86_400_000}, {})},
      verdict: 'degraded',
      says: 'differ from the others by 1d, and which are right is not known: nothing expires',
    },
    {
      what: 'a disk has little room',
      change: {nodes: saying({}, {diskFree: 0.149})},
      verdict: 'degraded',
      says: 'the disk of node 2 (10.0.0.2:8902) has 14 % left: it gets no new replicas',
    },
    {
      what: 'a disk is full',
      change: {nodes: saying({diskFree: 0.049})},
      verdict: 'degraded',
      says: 'has 4 % left: it takes no writes',
    },
    {
      what: 'one node was started with another value of a flag',
      change: {nodes: saying(...[600, 600, 5].map((s) => ({flags: {repair_after_ms: s * 1_000}})))},
      verdict: 'degraded',
      says: 'different values of --repair-after: 10m (node 1, 2), 5s (node 3); which counts changes with the leader of the meta group: start node 3 again with 10m',
    },
    {
      what: 'each node was started with another value of a flag',
      change: {nodes: saying({flags: {moves_per_node_max: 2}}, {flags: {moves_per_node_max: 4}})},
      verdict: 'degraded',
      says: '--moves-per-node: 2 (node 1), 4 (node 2); which counts changes with the leader of the meta group: start them again with one value',
    },
    {
      what: 'the last copy is damaged, and leads',
      change: {sets: [set(1), lastCopy(7, {state: 'leader'})]},
      verdict: 'degraded',
      says: 'replica 12 on node 2, the last copy of replica set 7, is damaged: save what can still be read',
    },
    {
      what: 'a replica that runs is damaged',
      change: {sets: [spoilt(7, {damaged: true})]},
      verdict: 'degraded',
      says: 'is to be made anew: 7',
    },
    {
      what: 'a replica has other rows than the others',
      change: {sets: [spoilt(7, {differs: true})]},
      verdict: 'degraded',
      says: 'is to be made anew: 7',
    },
    {
      what: 'a replica is stopped',
      change: {sets: [lacking(7, 'stopped')]},
      verdict: 'degraded',
      says: '7',
    },
    {
      what: 'a replica applies nothing',
      change: {sets: [lacking(7, 'wedged')]},
      verdict: 'degraded',
      says: 'applied nothing for long: 7',
    },
    {
      what: 'a voter lags far',
      change: {sets: [set(1), late(7, 'voter')]},
      verdict: 'degraded',
      says: 'a replica is catching up: 7',
    },
    {
      what: 'a member of the meta group lags far',
      change: {
        meta: {leader: 1 as NodeId, replicas: [replicaView(1), replicaView(2, {isLate: true})]},
      },
      verdict: 'degraded',
      says: "the meta group's replica on node 2 is catching up",
    },
    {
      what: 'a member of the meta group stands still',
      change: {
        meta: {
          leader: 1 as NodeId,
          replicas: [replicaView(1), replicaView(2, {state: 'failed', stopped: 'entry 7 is odd'})],
        },
      },
      verdict: 'degraded',
      says: "the meta group's replica on node 2 has failed: entry 7 is odd",
    },
    {
      what: 'a replica is out of reach',
      change: {sets: [lacking(7, 'unreachable')]},
      verdict: 'degraded',
      says: '7',
    },
    {
      what: 'a set has no leader',
      change: {sets: [set(7, {leader: undefined})]},
      verdict: 'unavailable',
      says: 'without a leader: 7',
    },
    {
      what: 'meta has no leader',
      change: {meta: noMeta},
      verdict: 'unavailable',
      says: 'meta group',
    },
  ])('$what: $verdict', ({change, verdict, says}) => {
    const found = verdictOf(facts(change));
    expect(found.verdict).toBe(verdict);
    expect(found.reasons).toHaveLength(1);
    expect(found.reasons[0]!.message).toContain(says);
    expect(found.reasons[0]!.next).toMatch(/^(flotilla|timedatectl) /);
  });

  test('a set that waits for an order to elect names the replica that holds the most', () => {
    const voter = {role: 'voter', failover: 'manual', term: 7, state: 'follower', lastTerm: 7};
    const replicas = [
      {role: 'voter', node: 1, state: 'unreachable'},
      {...voter, node: 2, lastIndex: 5},
      {...voter, node: 3, lastIndex: 10},
      {...voter, node: 4, lastIndex: 11, role: 'learner'},
    ];
    const change = {leader: undefined, replicas} as unknown as Partial<ReplicaSetView>;
    const {verdict, reasons} = verdictOf(facts({sets: [set(1), set(7, change)]}));
    expect(verdict).toBe('unavailable');
    expect(reasons[0]!.message).toContain('manual failover): 7');
    expect(reasons[0]!.next).toBe('flotilla replica-set elect 7 --node 3');
  });

  test('sets under manual failover that a node with a full disk leads are to be led by others', () => {
    const nodes = saying({diskFree: 0.049}, {}, {});
    const manual = [{role: 'voter', state: 'leader', failover: 'manual'}];
    const by = (leader: number) =>
      ({leader, replicas: manual}) as unknown as Partial<ReplicaSetView>;
    const told = (...sets: ReplicaSetView[]) =>
      verdictOf(facts({nodes, sets})).reasons.filter(({next}) => /evacuate/.test(next));
    expect(told(set(1), set(4, by(2)))).toEqual([]);
    expect(told(set(1), set(4, by(2)), set(7, by(1)))).toEqual([
      {
        message: expect.stringMatching(/another node than 1, .* \(manual failover\): 7$/),
        next: 'flotilla node evacuate-leaders 1',
      },
    ]);
  });

  test('nothing is to be given up while nothing is refused', () => {
    const nodes = saying({diskFree: 0.149}, {diskFree: 0.049});
    expect(verdictOf(facts({nodes})).reasons.map(({next}) => next)).toEqual([
      'flotilla database drop <name> --after 0s',
      'flotilla database list',
    ]);
  });

  test('nodes that are gone for good are to leave the list', () => {
    const repairHalt = {silent: [2 as NodeId, 3 as NodeId], nodes: 4};
    expect(verdictOf(facts({repairHalt})).reasons.map(({next}) => next)).toEqual([
      'flotilla node decommission 2',
    ]);
  });

  test('the next command names one of the sets', () => {
    const {reasons} = verdictOf(facts({sets: [set(1), lacking(7, 'missing')]}));
    expect(reasons[0]!.next).toBe('flotilla replica-set show 7');
  });
});

test('the last copy of a set that has stopped says why, with what to do', () => {
  const stopped = lastCopy(7, {state: 'stopped', stopped: 'checksum mismatch'});
  const {verdict, reasons} = verdictOf(facts({sets: [{...stopped, leader: undefined}]}));
  expect(verdict).toBe('unavailable');
  expect(reasons).toContainEqual({
    message: expect.stringContaining('is damaged (checksum mismatch): save'),
    next: 'flotilla recover plan',
  });
});

test.each([
  ['holds all', {state: 'follower', lastIndex: 9, lag: 0}, false],
  ['may come back', {state: 'unreachable'}, false],
  ['is empty', {state: 'follower', lastIndex: 0, lag: 9}, true],
  ['is far behind', {state: 'follower', lastIndex: 9, lag: 5_000}, true],
  ['is damaged too', {state: 'follower', lastIndex: 9, lag: 0, damaged: true}, true],
])('beside a learner that %s a damaged voter is the last copy: %#', (_name, learner, isLast) => {
  const other = {replica: 13, node: 3, role: 'learner', ...learner};
  const found = lastCopyDamaged(lastCopy(7, {state: 'leader'}, other));
  expect(found?.replica).toBe(isLast ? 12 : undefined);
});

test('a set that is being dropped needs no leader, and its replicas go', () => {
  const dropping = set(7, {leader: undefined, state: 'dropping'});
  const going = {...lacking(8, 'missing'), state: 'dropping' as const};
  expect(verdictOf(facts({sets: [dropping, going]})).verdict).toBe('healthy');
});

test('many sets are counted, five named', () => {
  const sets = Array.from({length: 12}, (_, i) => set(i + 1, {leader: undefined}));
  const {reasons} = verdictOf(facts({sets}));
  expect(reasons[0]!.message).toContain('1, 2, 3, 4, 5 and 7 more');
});

test('the worst reason decides, all are told', () => {
  const {verdict, reasons} = verdictOf(
    facts({sets: [set(7, {leader: undefined}), lacking(8, 'missing')], nodes: [node(1, false)]}),
  );
  expect(verdict).toBe('unavailable');
  expect(reasons).toHaveLength(3);
});

test('what stops users stands first, then what the next loss would', () => {
  const nodes = [
    ...saying({diskFree: 0.01}, {diskFree: 0.1}, {clockOffsetMs: 9_000}),
    node(4, false),
  ];
  const sets = [
    set(7, {leader: undefined}),
    lacking(8, 'missing'),
    lacking(9, 'wedged'),
    failed(6),
  ];
  const repairHalt = {silent: [4 as NodeId], nodes: 2};
  const scant = {sole: [5 as ReplicaSetId], fewer: [4 as ReplicaSetId]};
  const {reasons} = verdictOf(
    facts({nodes, sets, repairHalt, scant, meta: {leader: undefined, replicas: []}}),
  );
  const order = [/meta group/, /without a leader/, /takes no writes/, /has failed/, /node 4/];
  order.push(/bring them back/, /lack a replica/, /single voter/, /fewer voters/);
  order.push(/applied nothing/, /clock/, /no new replicas/);
  expect(reasons).toHaveLength(order.length);
  for (const [i, {message}] of reasons.entries()) expect(message).toMatch(order[i]!);
});

test('the list of nodes says of each what keeps it from its share', () => {
  const [full, low, off] = saying({diskFree: 0.01}, {diskFree: 0.1}, {clockOffsetMs: 11_000});
  const maintenance = {untilMs: 10, scope: 'leaders' as const};
  const resting = {...node(4, false), node: {...node(4).node, maintenance}};
  const sets = [failed(6), failed(7)];
  const nodes = [full!, low!, off!, resting, ...saying({}).map((one) => ({...one, ...node(5)}))];
  expect([...nodeConditions({nodes, sets}, 5)]).toEqual([
    [1, 'disk full'],
    [2, 'disk low, 2 failed replicas'],
    [3, 'clock not trusted'],
    [4, 'leads nothing until 1970-01-01T00:00:00.010Z, does not answer'],
  ]);
});

test('sets that a recovered catalog does not know are told of, with what to do', () => {
  const unknownSets = [{set: 9 as ReplicaSetId, nodes: [2 as NodeId, 3 as NodeId]}];
  const {verdict, reasons} = verdictOf(facts({unknownSets}));
  expect(verdict).toBe('degraded');
  expect(reasons).toMatchObject([
    {message: expect.stringMatching(/does not know: 9;.* nodes 2, 3$/)},
  ]);
});

test('what was lost for good is not waited for: the next command is that of a recovery', () => {
  const replicas = [1, 8, 9].map((id) => ({node: id, state: 'unreachable'}));
  const sets = [set(7, {leader: undefined, replicas} as unknown as Partial<ReplicaSetView>)];
  const {reasons} = verdictOf(facts({sets}));
  expect(reasons[0]).toEqual({
    message: expect.stringContaining('never come back: 7'),
    next: 'flotilla recover plan',
  });
  const repairHalt = {silent: [2 as NodeId, 3 as NodeId], nodes: 3};
  const bereft = verdictOf(facts({repairHalt, meta: {leader: undefined, replicas: []}}));
  expect(bereft.reasons.at(-1)?.next).toBe('flotilla recover plan');
});
