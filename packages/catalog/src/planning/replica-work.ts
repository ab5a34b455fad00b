// Work on the replicas of a set that changes no member: compaction, and the checksum that compares them.
// Orders may come twice and reports may be old; a replica says for which operation it works, and a
// restart forgets it, so that the order is given again.
//
// A checksum is an entry of the log: each replica hashes what can be read at that index. A replica whose
// hash is another than that of a majority of the voters is named, and made anew by a repair; without
// such a majority nobody can say who is right, and nothing is touched. Nor can a single voter, which may be
// the one that is wrong: a learner that differs from it may be what is left of those that were right. Builds that hash in different ways
// are not compared: while a cluster is upgraded, those of one way are, if they are a majority.

import type {ReplicaWork} from '@flotilla/base';
import type {Operation, ReplicaPlacement} from '../model.ts';
import type {GroupView} from './group-view.ts';
import type {Decision} from './member-operation.ts';
import type {ReplicaReport} from './reports.ts';

/** A gigabyte is read and hashed in minutes; who has not answered by then never will. */
const WORK_MS_MAX = 3_600_000;

/** One replica after the other: the others answer meanwhile. */
export function planCompaction(operation: Operation, group: GroupView, nowMs: number): Decision {
  if (operation.state === 'cancelling') return {type: 'finish', state: 'cancelled'};
  let count = 0;
  let unchanged = 0;
  for (const placed of group.set.replicas) {
    if (operation.source !== undefined && placed.replica !== operation.source) continue;
    const report = livingReport(group, placed);
    if (report === undefined) continue;
    const work = workOf(operation, report);
    if (work?.state === 'failed') return failed(`replica ${placed.replica}: ${work.error}`);
    if (work?.state === 'done') {
      count += 1;
      if (work.isUnchanged === true) unchanged += 1;
      continue;
    }
    if (isOverdue(operation, nowMs)) return failed(`replica ${placed.replica} took over an hour`);
    if (work === undefined) return order(operation, placed);
    return {type: 'wait', for: `replica ${placed.replica} to be compacted`};
  }
  if (count === 0 && isOverdue(operation, nowMs))
    return failed('no replica answered within an hour');
  if (count === 0) return {type: 'wait', for: 'a replica that answers'};
  const result = compactionResult({count, unchanged, total: group.set.replicas.length});
  return {type: 'finish', state: 'done', result};
}

function compactionResult(of: {count: number; unchanged: number; total: number}): string {
  const {count, unchanged, total} = of;
  if (unchanged === count)
    return `nothing to do: ${count} of ${total} replicas are compact already`;
  const rest = unchanged === 0 ? '' : `, ${unchanged} are compact already`;
  return `${count - unchanged} of ${total} replicas compacted${rest}`;
}

export function planChecksum(operation: Operation, group: GroupView, nowMs: number): Decision {
  if (operation.state === 'cancelling') return {type: 'finish', state: 'cancelled'};
  const {leader} = group;
  if (leader === undefined) {
    return isOverdue(operation, nowMs) ? failed('nobody leads the replica set') : WAIT_FOR_LEADER;
  }
  const index = latestIndex(operation, group);
  if (index === undefined) {
    if (isOverdue(operation, nowMs)) return failed('no replica answered within an hour');
    return order(operation, group.placement(leader.replica)!);
  }
  if (operation.step === 'hash') return {type: 'advance', step: 'compare'};
  const answers = group.set.replicas.map((placed) => answerOf(operation, group, placed, index));
  const pending = answers.find(({state}) => state === 'pending');
  if (pending !== undefined && !isOverdue(operation, nowMs)) {
    return {type: 'wait', for: `replica ${pending.placed.replica} to read its rows`};
  }
  return compare(group, answers, index);
}

interface Answer {
  readonly placed: ReplicaPlacement;
  /**
   * None: it is away, did not see the entry (it was given a snapshot beyond it, or restarted), or is no member
   * yet, and gets no entries before the operation has ended.
   */
  readonly state: 'pending' | 'done' | 'none';
  readonly work?: ReplicaWork | undefined;
}

function answerOf(
  operation: Operation,
  group: GroupView,
  placed: ReplicaPlacement,
  index: number,
): Answer {
  const report = livingReport(group, placed);
  if (report === undefined || !group.isMember(placed.replica)) return {placed, state: 'none'};
  const work = workOf(operation, report);
  if (work?.index === index && work.state !== 'failed') {
    return {placed, state: work.state === 'done' ? 'done' : 'pending', work};
  }
  return {placed, state: report.appliedIndex < index ? 'pending' : 'none'};
}

/** The order may have come twice, and made two entries: the later one counts. */
function latestIndex(operation: Operation, group: GroupView): number | undefined {
  let latest: number | undefined;
  for (const placed of group.set.replicas) {
    const report = livingReport(group, placed);
    const index = report && workOf(operation, report)?.index;
    if (index !== undefined && index > (latest ?? 0)) latest = index;
  }
  return latest;
}

function compare(group: GroupView, answers: readonly Answer[], index: number): Decision {
  const done = answers.filter(({state}) => state === 'done');
  const voters = done.filter(({placed}) => group.isVoter(placed.replica));
  const right = voters.find(
    ({work}) => 2 * voters.filter((other) => isEqual(other, work)).length > group.voters.length,
  );
  if (right === undefined) {
    const isMixed = new Set(done.map(({work}) => versionOf(work!))).size > 1;
    const upgrade = isMixed
      ? '; builds of two kinds hash in two ways: finish the upgrade first'
      : '';
    return failed(
      `no majority of the voters agrees at index ${index}: ${hashesOf(done) || 'none answered'}${upgrade}`,
    );
  }
  const agreeing = done.filter((answer) => isEqual(answer, right.work));
  const comparable = done.filter(({work}) => versionOf(work!) === versionOf(right.work!));
  const differing = comparable.filter((answer) => !isEqual(answer, right.work));
  if (differing.length > 0 && agreeing.length < 2)
    return failed(`no two replicas agree at index ${index}: ${hashesOf(done)}`);
  const {hash, values} = right.work!;
  if (differing.length === 0) {
    const missing = answers.length - done.length;
    const absent = missing === 0 ? '' : `; ${missing} could not be asked`;
    const strange = done.length - comparable.length;
    const unlike = strange === 0 ? '' : `; ${strange} of another build hash in another way`;
    const result = `${agreeing.length} replicas agree on ${values} values at index ${index} (${hash})${absent}${unlike}`;
    return {type: 'finish', state: 'done', result};
  }
  const names = differing.map(({placed}) => nameOf(placed)).join(', ');
  const verb = differing.length === 1 ? 'differs' : 'differ';
  const result = `${names} ${verb} from ${agreeing.length} others at index ${index}: to be made anew`;
  const replicas = differing.map(({placed}) => placed.replica);
  return {type: 'finish', state: 'done', result, differing: replicas};
}

function isEqual({work}: Answer, other: ReplicaWork | undefined): boolean {
  if (work === undefined || other === undefined) return false;
  const isAlike = versionOf(work) === versionOf(other);
  return isAlike && work.hash === other.hash && work.values === other.values;
}

function hashesOf(answers: readonly Answer[]): string {
  return answers.map(({placed, work}) => `${nameOf(placed)} has ${work!.hash}`).join(', ');
}

/** Builds that did not tell hash as the first version does. */
function versionOf({hashVersion = 1}: ReplicaWork): number {
  return hashVersion;
}

function nameOf({replica, node}: ReplicaPlacement): string {
  return `replica ${replica} on node ${node}`;
}

function livingReport(group: GroupView, placed: ReplicaPlacement): ReplicaReport | undefined {
  const report = group.isLive(placed.node) ? group.report(placed) : undefined;
  return report?.fault === undefined && report?.damaged !== true ? report : undefined;
}

function workOf({id, kind}: Operation, {work}: ReplicaReport): ReplicaWork | undefined {
  return work?.operation === id && work.work === kind ? work : undefined;
}

function order(operation: Operation, {node, replica}: ReplicaPlacement): Decision {
  const work = operation.kind === 'checksum' ? 'checksum' : 'compact';
  const {id, replicaSet: set} = operation;
  const action = {type: 'work-on-replica', node, set: set!, replica, operation: id, work} as const;
  return {type: 'act', action};
}

function isOverdue({createdAtMs}: Operation, nowMs: number): boolean {
  return nowMs - createdAtMs >= WORK_MS_MAX;
}

function failed(error: string): Decision {
  return {type: 'finish', state: 'failed', error, code: 'UNAVAILABLE'};
}

const WAIT_FOR_LEADER: Decision = {type: 'wait', for: 'a leader'};
