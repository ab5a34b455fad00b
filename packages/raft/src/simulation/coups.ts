// Histories of several steps that chance alone makes too rarely: each is lawful trouble, in one piece.

import {isJoint, membersOf} from '../configuration.ts';
import type {LabReplica} from '../lab/index.ts';
import type {Cluster} from './cluster.ts';
import {ELECTION_TICKS} from './cluster.ts';
import type {Parcel} from './network.ts';

/**
 * A leader is cut off while it still believes in its office, perhaps in its lease, perhaps having just
 * begun to hand over, or with writes that one other has. The others replace it and write; then somebody
 * reads at the old one, and it comes back to a log that may have been cut.
 */
export function coup(cluster: Cluster, leader: LabReplica): void {
  const {random} = cluster;
  const {role, configuration, term} = leader.group.status();
  const others = membersOf(configuration).filter((id) => id !== leader.id);
  if (role !== 'leader' || others.length === 0) return;
  cluster.network.heal();
  if (random.below(2) === 0) exchange(cluster, [leader.id, ...others], 3);
  const late = beginnings[random.below(beginnings.length)]!(cluster, leader, others);
  cluster.network.isolate([leader.id], cluster.replicas.keys());
  if (random.below(3) === 0) for (const id of others) cluster.crash(cluster.replicas.get(id)!);
  const lazy = cluster.pick([0, ...others]);
  const ticks = late.length > 0 ? LONG : cluster.pick([0, 0, 1, LONG]);
  replace(cluster, {leader, others, term, lazy, ticks});
  readAtTheOld(cluster, leader, late);
  if (random.below(2) === 0) comeBack(cluster, leader, others);
}

/** Long enough for an election by time alone. */
const LONG = 2 * ELECTION_TICKS;

/** What comes before the cut. Returns what arrives after it only. */
type Beginning = (cluster: Cluster, leader: LabReplica, others: readonly number[]) => Parcel[];

const beginnings: readonly Beginning[] = [
  () => [],
  /** It hands over. */
  (cluster, leader, others) => {
    cluster.step(leader, {type: 'transferLeader', to: cluster.pick(others)});
    turn(cluster, leader);
    return [];
  },
  /** Its heartbeats are heard, their answers held up. */
  (cluster, leader, others) => {
    passTick(cluster, [leader.id]);
    cluster.process(leader);
    deliver(cluster, others);
    for (const id of others) turn(cluster, cluster.replicas.get(id)!);
    return cluster.network.takeAll().filter(({message}) => message.to === leader.id);
  },
  /** Its last writes arrive at one of the others, or at all, and nobody's answer does. */
  (cluster, leader, others) => {
    const hearing = cluster.random.below(2) === 0 ? others : [cluster.pick(others)];
    cluster.propose(leader, 2);
    cluster.process(leader);
    deliver(cluster, hearing);
    for (const id of hearing) cluster.process(cluster.replicas.get(id)!);
    return [];
  },
];

interface Coup {
  readonly leader: LabReplica;
  readonly others: readonly number[];
  readonly term: number;
  /** Whose disk is behind meanwhile; 0: nobody's. */
  readonly lazy: number;
  readonly ticks: number;
}

/** The others elect somebody, at once or with time, and the new leader writes. */
function replace(cluster: Cluster, {leader, others, term, lazy, ticks}: Coup): void {
  const {random} = cluster;
  // The old one may stand still meanwhile, as its clock goes on.
  const stands = random.below(3) === 0;
  for (let tick = 0; tick <= ticks; tick++) {
    if (tick > 0) passTick(cluster, stands ? others : [leader.id, ...others]);
    if (random.below(2) === 0)
      cluster.step(cluster.replicas.get(cluster.pick(others))!, {type: 'campaign'});
    exchange(cluster, others, 8, lazy);
    const next = cluster.leaders().find(({group}) => group.status().term > term);
    if (next === undefined) continue;
    cluster.propose(next, 2);
    exchange(cluster, others, 8, lazy);
    return;
  }
}

function readAtTheOld(cluster: Cluster, leader: LabReplica, late: readonly Parcel[]): void {
  const {random} = cluster;
  if (random.below(2) === 0) {
    cluster.read(leader);
    cluster.process(leader);
  }
  for (const parcel of late) cluster.receive(parcel);
  replay(cluster, leader.id, random.below(4));
  cluster.read(leader);
  cluster.process(leader);
}

/** What it missed may be in a snapshot only, which its disk takes a while to store. */
function comeBack(cluster: Cluster, leader: LabReplica, others: readonly number[]): void {
  const {random} = cluster;
  for (const id of others) cluster.compact(cluster.replicas.get(id)!, random.below(2));
  cluster.network.heal();
  const all = [leader.id, ...others];
  passTick(cluster, others);
  exchange(cluster, all, 6, leader.id);
  if (random.below(2) === 0) cluster.step(leader, {type: 'campaign'});
  if (random.below(2) === 0) return;
  exchange(cluster, all, 6);
  for (const next of cluster.leaders()) cluster.propose(next, 2);
  exchange(cluster, all, 6);
  cluster.compact(leader, 0);
  replay(cluster, leader.id, 3);
}

function replay(cluster: Cluster, to: number, count: number): void {
  for (let left = count; left > 0; left--) {
    const parcel = cluster.network.captured(to);
    if (parcel !== undefined) cluster.receive(parcel);
  }
}

/**
 * A member takes what it is sent, and its answers and the word of what is committed are lost: the leader
 * cuts its log beyond what it knows of it, and sends a snapshot of what the member holds anyway.
 */
export function lostAnswers(cluster: Cluster, leader: LabReplica): void {
  const {role, configuration} = leader.group.status();
  const others = membersOf(configuration).filter((id) => id !== leader.id);
  if (role !== 'leader' || others.length === 0) return;
  const to = cluster.pick(others);
  const rest = [leader.id, ...others.filter((id) => id !== to)];
  const member = cluster.replicas.get(to)!;
  cluster.network.heal();
  exchange(cluster, [leader.id, ...others], 4);
  cluster.network.cut(to, leader.id);
  for (const count of [1, 2]) {
    cluster.propose(leader, count);
    cluster.process(leader);
    deliver(cluster, [to]);
    turn(cluster, member);
  }
  cluster.network.cut(leader.id, to);
  exchange(cluster, rest, 1);
  for (const id of rest) cluster.process(cluster.replicas.get(id)!);
  deliver(cluster, rest);
  cluster.process(leader);
  cluster.apply(leader, 1);
  cluster.compact(leader, 0);
  cluster.network.heal();
  cluster.reportReachable(leader, to, true);
  exchange(cluster, [leader.id, to], 3, cluster.pick([0, to]));
}

/** A member comes back for entries that left memory, and reading them fails at first. */
export function failedRead(cluster: Cluster, leader: LabReplica): void {
  const {role, configuration} = leader.group.status();
  const others = membersOf(configuration).filter((id) => id !== leader.id);
  if (role !== 'leader' || others.length === 0) return;
  const to = cluster.pick(others);
  const all = [leader.id, ...others];
  cluster.network.heal();
  exchange(cluster, all, 4);
  cluster.network.isolate([to], cluster.replicas.keys());
  for (const count of [3, 3]) {
    cluster.propose(leader, count);
    exchange(
      cluster,
      all.filter((id) => id !== to),
      4,
    );
  }
  cluster.step(leader, {type: 'evict', uptoIndex: leader.appliedIndex});
  cluster.network.heal();
  leader.readsFail = true;
  passTick(cluster, [leader.id]);
  exchange(cluster, all, 6);
  leader.readsFail = false;
}

/** A member is removed and taken on again, and only then its answers of before arrive. */
export function rejoin(cluster: Cluster, leader: LabReplica): void {
  const {role, configuration} = leader.group.status();
  const others = membersOf(configuration).filter((id) => id !== leader.id);
  if (role !== 'leader' || others.length === 0 || isJoint(configuration)) return;
  const id = cluster.pick(others);
  const rest = [leader.id, ...others.filter((other) => other !== id)];
  cluster.network.heal();
  exchange(cluster, [leader.id, ...others], 4);
  cluster.propose(leader, 2);
  cluster.process(leader);
  deliver(cluster, [id]);
  turn(cluster, cluster.replicas.get(id)!);
  const late = cluster.network.takeAll().filter(({message}) => message.from === id);
  const again = cluster.pick(['voter', 'learner'] as const);
  for (const type of ['remove', again] as const) {
    cluster.proposeConfig(leader, {mode: 'simple', changes: [{type, id}]});
    passTick(cluster, [leader.id]);
    exchange(cluster, rest, 6);
  }
  for (const parcel of late) cluster.receive(parcel);
}

/**
 * The target of a transfer is dead, while the members change; or it is called, stands, and is cut off
 * with its higher term while the others go on.
 */
export function transferToTheDead(cluster: Cluster, leader: LabReplica): void {
  const {random} = cluster;
  const {configuration, role} = leader.group.status();
  const targets = configuration.voters.filter((id) => id !== leader.id);
  if (role !== 'leader' || targets.length === 0) return;
  const to = cluster.pick(targets);
  const rest = membersOf(configuration).filter((id) => id !== to);
  const isCalled = random.below(2) === 0;
  if (isCalled) {
    cluster.network.heal();
    exchange(cluster, [to, ...rest], 4);
    cluster.step(leader, {type: 'transferLeader', to});
    cluster.process(leader);
    deliver(cluster, [to]);
  }
  cluster.network.isolate([to], cluster.replicas.keys());
  if (isCalled) turn(cluster, cluster.replicas.get(to)!);
  cluster.propose(leader, 1);
  if (random.below(2) === 0) {
    const type = cluster.pick(['voter', 'learner'] as const);
    cluster.proposeConfig(leader, {mode: 'joint', changes: [{type, id: cluster.pick(rest)}]});
  }
  cluster.step(leader, {type: 'transferLeader', to});
  for (let tick = 0; tick <= ELECTION_TICKS; tick++) {
    exchange(cluster, rest, 4);
    passTick(cluster, rest);
  }
  cluster.propose(leader, 1);
  exchange(cluster, rest, 4);
}

function passTick(cluster: Cluster, ids: readonly number[]): void {
  if (cluster.leaseReads) cluster.passTime((id) => ids.includes(id));
  else for (const id of ids) cluster.tick(cluster.replicas.get(id)!);
}

/** These talk to each other undisturbed; `lazy` stores little of it. */
function exchange(cluster: Cluster, ids: readonly number[], rounds: number, lazy = 0): void {
  for (let round = 0; round < rounds; round++) {
    for (const id of ids) {
      if (id === lazy) slowTurn(cluster, cluster.replicas.get(id)!);
      else turn(cluster, cluster.replicas.get(id)!);
    }
    if (deliver(cluster, ids) === 0 && round > 0) return;
  }
}

/** What is on its way to these; the rest stays. Returns how much arrived. */
function deliver(cluster: Cluster, ids: readonly number[]): number {
  let count = 0;
  for (const parcel of cluster.network.takeAll()) {
    if (ids.includes(parcel.message.to)) {
      cluster.receive(parcel);
      count++;
    } else {
      cluster.network.post(parcel);
    }
  }
  return count;
}

function turn(cluster: Cluster, replica: LabReplica): void {
  cluster.process(replica);
  cluster.persist(replica);
  cluster.apply(replica);
  for (const {to} of replica.wanted.splice(0)) cluster.sendSnapshot(replica, to);
  cluster.process(replica);
}

function slowTurn(cluster: Cluster, replica: LabReplica): void {
  cluster.process(replica);
  if (cluster.random.below(3) === 0) cluster.persist(replica, 1);
}
