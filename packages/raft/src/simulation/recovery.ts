// The end of all trouble: faults stop, and in bounded time the group must have a leader, everybody must
// agree with it, joint configurations must be left, and every request must have ended. Before all come
// back, it is tried with as few as may suffice: a bare quorum must make progress too.

import {decodeConfigChange} from '../config-change-codec.ts';
import {type Configuration, changeConfig, isJoint, isVoter, membersOf} from '../configuration.ts';
import type {LabReplica} from '../lab/index.ts';
import type {Cluster} from './cluster.ts';
import {ELECTION_TICKS} from './cluster.ts';
import {agrees} from './majority.ts';
import type {Parcel} from './network.ts';

const SETTLE_TICKS_MAX = 50 * ELECTION_TICKS;

/** What is wrong with the group after all trouble ended; undefined if it came to rest. */
export function recoveryFault(cluster: Cluster): string | undefined {
  cluster.network.heal();
  cluster.endTransfers();
  cluster.bringBack();
  for (const replica of cluster.replicas.values()) replica.readsFail = false;
  if (cluster.random.below(2) === 0) {
    const stopped = stoppable(cluster);
    const isUp = (id: number) => !stopped.has(id);
    if (!comesTo(cluster, isUp, () => hasProgress(cluster, isUp)))
      return `a quorum without ${[...stopped].join(' ')} makes no progress`;
  }
  const all = () => true;
  if (!comesTo(cluster, all, () => hasSettled(cluster))) return 'the group does not settle';
  // Two election timeouts by the slowest clock.
  for (let tick = 0; tick < 3 * ELECTION_TICKS; tick++) passTick(cluster, all);
  return cluster.requestFault();
}

type IsUp = (id: number) => boolean;

function comesTo(cluster: Cluster, isUp: IsUp, isDone: () => boolean): boolean {
  for (let tick = 0; tick < SETTLE_TICKS_MAX; tick++) {
    passTick(cluster, isUp);
    if (isDone()) return true;
  }
  return false;
}

function passTick(cluster: Cluster, isUp: IsUp): void {
  if (cluster.leaseReads) cluster.passTime(isUp);
  else for (const [id, replica] of cluster.replicas) if (isUp(id)) cluster.tick(replica);
  drain(cluster, isUp);
  cluster.endTransfers();
}

function drain(cluster: Cluster, isUp: IsUp): void {
  for (let round = 0; round < 40; round++) {
    for (const [id, replica] of cluster.replicas) if (isUp(id)) finishAll(cluster, replica);
    const sent = cluster.network.takeAll();
    if (sent.length === 0 && round > 0) return;
    for (const parcel of sent) if (isUp(parcel.message.to)) cluster.receive(parcel);
  }
}

function finishAll(cluster: Cluster, replica: LabReplica): void {
  let goesOn = true;
  while (goesOn) goesOn = cluster.process(replica);
  cluster.persist(replica);
  cluster.apply(replica);
  for (const {to} of replica.wanted.splice(0)) cluster.sendSnapshot(replica, to);
}

/** Some that may stay away: each configuration that anybody may count by keeps a quorum. */
function stoppable(cluster: Cluster): Set<number> {
  const {random, replicas} = cluster;
  // A leader sends before its own disk is done: after a crash a change may be on its way and in no log.
  cluster.network.lose(bringsChange);
  for (const replica of replicas.values()) {
    cluster.process(replica);
    cluster.persist(replica);
  }
  const configurations = [...replicas.values()].flatMap(configurationsOf);
  const stopped = new Set<number>();
  for (const id of replicas.keys()) {
    if (random.below(4) === 0) continue;
    stopped.add(id);
    const isBare = configurations.every((one) => agrees(one, (voter) => !stopped.has(voter)));
    if (!isBare) stopped.delete(id);
  }
  return stopped;
}

function bringsChange({message}: Parcel): boolean {
  return message.type === 'append' && message.entries.some(({type}) => type === 'config');
}

/** The one in force at a replica, and those that its log may still bring. */
function configurationsOf({group, disk}: LabReplica): Configuration[] {
  const status = group.status();
  const found = [status.configuration];
  for (const entry of disk.entries) {
    if (entry.index <= status.appliedIndex || entry.type !== 'config') continue;
    const command = decodeConfigChange(entry.payload);
    if (command === undefined) continue;
    const next = changeConfig(found.at(-1)!, command.changes, command.mode);
    if (!('error' in next)) found.push(next);
  }
  return found;
}

function hasProgress(cluster: Cluster, isUp: IsUp): boolean {
  const leader = leaderOf(cluster, isUp);
  if (leader === undefined) return false;
  const {configuration, lastIndex, lastTerm, term} = leader.group.status();
  if (lastTerm !== term || (isJoint(configuration) && configuration.autoLeave)) return false;
  return membersOf(configuration).every(
    (id) => !isUp(id) || cluster.replicas.get(id)!.appliedIndex === lastIndex,
  );
}

/** One leader whose members all applied its whole log, out of any automatic joint configuration. */
function hasSettled(cluster: Cluster): boolean {
  const leader = leaderOf(cluster, () => true);
  if (leader === undefined) return false;
  const {configuration, lastIndex} = leader.group.status();
  if (isJoint(configuration) && configuration.autoLeave) return false;
  return membersOf(configuration).every((id) => {
    const replica = cluster.replicas.get(id)!;
    // Under lease reads nobody that leads may rest.
    return replica.appliedIndex === lastIndex && (replica.idle || cluster.leaseReads);
  });
}

function leaderOf(cluster: Cluster, isUp: IsUp): LabReplica | undefined {
  const leaders = cluster.leaders().filter(({id}) => isUp(id));
  leaders.sort((a, b) => b.group.status().term - a.group.status().term);
  const [leader] = leaders;
  if (leader === undefined) return undefined;
  return isVoter(leader.group.status().configuration, leader.id) ? leader : undefined;
}
