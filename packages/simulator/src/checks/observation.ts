// What the cores of all nodes say, as it happens: to the laws, to the coverage, into the trace.

import type {NodeId} from '@flotilla/base';
import type {GroupObserver, ObservedGroup} from '@flotilla/multiraft';
import {isJoint, type Message, type Output} from '@flotilla/raft';
import type {Kernel} from '../kernel/kernel.ts';
import type {Coverage} from './coverage.ts';
import type {Laws} from './laws.ts';

export interface ObservationPorts {
  readonly kernel: Kernel;
  readonly laws: Laws;
  readonly coverage: Coverage;
  /** The node's disk is an old one, and nobody has told it yet. */
  readonly isImage: (node: NodeId) => boolean;
}

export function observerOf(node: NodeId, ports: ObservationPorts): GroupObserver {
  const {kernel, laws, coverage, isImage} = ports;
  const {trace} = kernel;
  const note = (group: ObservedGroup, text: string): void => {
    trace.add({ms: kernel.nowMs, node, set: group.set, text: `${group.replica} ${text}`});
  };
  return {
    opened: (group) => {
      if (trace.isFull) note(group, 'opened');
      laws.opened(node, group, isImage(node));
    },
    took: (group, output) => {
      laws.took(group, output);
      countOutput(coverage, output);
      if (trace.isFull) for (const text of describe(output)) note(group, text);
    },
    sent: (group, message) => {
      laws.sent(group, message);
      coverage.count(`messages:${message.type}`);
      trace.mix(message.term);
      if (trace.isFull) note(group, describeMessage(message));
    },
  };
}

function countOutput(
  coverage: Coverage,
  {write, role, dropped, configurations, wantSnapshot, needEntries}: Output,
): void {
  if (role !== undefined) coverage.count(`roles:${role.role}`);
  if (write?.truncateFrom !== undefined) coverage.count('logs:truncated');
  if (write?.snapshot !== undefined) coverage.count('logs:replaced by a snapshot');
  if (needEntries.length > 0) coverage.count('logs:read back');
  if (wantSnapshot.length > 0) coverage.count('logs:snapshot wanted');
  for (const {kind, reason} of dropped) coverage.count(`dropped:${kind} ${reason}`);
  for (const {configuration} of configurations)
    coverage.count(isJoint(configuration) ? 'configurations:joint' : 'configurations:simple');
}

function describe({role, write, apply, configurations, dropped, wantSnapshot}: Output): string[] {
  const all: string[] = [];
  if (role !== undefined) all.push(`is ${role.role} of term ${role.term}, leader ${role.leader}`);
  if (write !== undefined) {
    const {seq, term, vote, commit, truncateFrom, entries, snapshot} = write;
    const upto = entries.map(({index, term: at}) => `${index}/${at}`).join(' ');
    const cut = truncateFrom === undefined ? '' : ` cut from ${truncateFrom}`;
    const whole = snapshot === undefined ? '' : ` snapshot ${snapshot.index}/${snapshot.term}`;
    all.push(`writes #${seq} term ${term} vote ${vote} commit ${commit}${cut}${whole} [${upto}]`);
  }
  if (apply !== undefined) all.push(`applies ${apply.lo}..${apply.hi}`);
  for (const {index, configuration} of configurations)
    all.push(`configuration at ${index}: ${JSON.stringify(configuration)}`);
  for (const {kind, reason} of dropped) all.push(`drops a ${kind}: ${reason}`);
  for (const {to} of wantSnapshot) all.push(`wants a snapshot for ${to}`);
  return all;
}

function describeMessage(message: Message): string {
  const {type, to, term} = message;
  const rest = Object.entries(message)
    .filter(
      ([key]) => !['type', 'from', 'to', 'term', 'session', 'entries', 'snapshot'].includes(key),
    )
    .map(([key, value]) => `${key}=${value}`);
  return `sends ${type} to ${to} term ${term} ${rest.join(' ')}`;
}
