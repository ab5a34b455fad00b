// A host for one replica in which nothing moves by itself: taking output, disk writes, applying and
// sending are separate steps, so that a scenario or a seed decides their order.

import {assert} from '@flotilla/base';
import {decodeConfigChange} from '../config-change-codec.ts';
import type {Entry, SnapshotMeta} from '../entry.ts';
import type {Input} from '../input.ts';
import type {Message} from '../message.ts';
import type {GroupOptions} from '../options.ts';
import type {AfterWrite, Apply, Dropped, Output, Proposed, RoleChange, Write} from '../output.ts';
import {RaftGroup} from '../raft-group.ts';
import type {AppliedEntry, LabDisk, LabSnapshot} from './disk.ts';

/** The options that survive a restart. */
export type LabOptions = Omit<
  GroupOptions,
  'hardState' | 'log' | 'appliedIndex' | 'configuration' | 'configIndex'
>;

/** What became of what was asked, since a scenario last looked. */
export interface LabEvents {
  roles: RoleChange[];
  proposed: Proposed[];
  dropped: Dropped[];
  reads: {readId: number; index: number}[];
  transfers: {to: number; outcome: string}[];
  applied: AppliedEntry[];
}

export class LabReplica {
  readonly id: number;
  readonly disk: LabDisk;
  group: RaftGroup;
  applied: AppliedEntry[];
  idle = false;
  /** Reads of the stored log come back with nothing. */
  readsFail = false;
  /** The monotonic clock of its node, in ticks. */
  clockTicks = 0;
  writes: Write[] = [];
  applies: Apply[] = [];
  wanted: {to: number}[] = [];
  events: LabEvents = noEvents();
  readonly options: LabOptions;
  readonly #send: (message: Message) => void;
  #held: AfterWrite[] = [];

  constructor(options: LabOptions, disk: LabDisk, send: (message: Message) => void) {
    this.id = options.id;
    this.disk = disk;
    this.options = options;
    this.#send = send;
    this.applied = [...disk.checkpoint.applied];
    this.group = new RaftGroup({...options, ...disk.stored()});
  }

  step(input: Input): void {
    if (input.type === 'tick') this.clockTicks++;
    this.group.step(input);
  }

  /** A message arrives; a snapshot's contents came with it. */
  receive(message: Message, contents?: LabSnapshot | undefined): void {
    if (contents !== undefined) this.disk.stage(contents);
    this.step({type: 'message', message});
  }

  /** Takes one output: messages leave, writes and entries to apply wait to be told. */
  process(): boolean {
    if (!this.group.hasOutput()) return false;
    const output = this.group.take(this.clockTicks);
    this.idle = output.idle;
    if (output.write !== undefined) this.writes.push(output.write);
    // The state machine is about to be replaced: what was to be applied to it is void.
    if (output.write?.snapshot !== undefined) this.applies = [];
    if (output.apply !== undefined) this.applies.push(output.apply);
    this.#held.push(...output.afterWrite);
    this.wanted.push(...output.wantSnapshot);
    this.#record(output);
    for (const message of output.send) this.#send(message);
    for (const {firstIndex, lastIndex} of output.needEntries) this.#read(firstIndex, lastIndex);
    return true;
  }

  #record(output: Output): void {
    if (output.role !== undefined) this.events.roles.push(output.role);
    this.events.proposed.push(...output.proposed);
    this.events.dropped.push(...output.dropped);
    this.events.reads.push(...output.reads);
    this.events.transfers.push(...output.transfers);
  }

  #read(firstIndex: number, lastIndex: number): void {
    const {entries} = this.disk;
    const found = entries.filter(({index}) => index >= firstIndex && index <= lastIndex);
    const complete = !this.readsFail && found[0]?.index === firstIndex;
    this.step({type: 'entries', firstIndex, entries: complete ? found : undefined});
  }

  /** Makes the oldest `count` writes durable and lets go of what waited for them. */
  persist(count = Number.POSITIVE_INFINITY): boolean {
    const done = this.writes.splice(0, Math.min(count, this.writes.length));
    for (const write of done) {
      const installed = this.disk.commit(write);
      this.step({type: 'persisted', seq: write.seq});
      this.#release(write.seq);
      if (installed !== undefined) this.#install(installed);
    }
    return done.length > 0;
  }

  #release(seq: number): void {
    while (this.#held.length > 0 && this.#held[0]!.seq <= seq) {
      for (const message of this.#held.shift()!.messages) this.#send(message);
    }
  }

  #install({meta, applied}: LabSnapshot): void {
    this.applied = [...applied];
    this.applies = [];
    this.step({type: 'snapshotInstalled', index: meta.index});
  }

  /** Applies up to `count` entries of what was handed out. */
  apply(count = Number.POSITIVE_INFINITY): boolean {
    let left = count;
    let moved = false;
    if (this.#isReplaced()) return false;
    while (left > 0 && this.applies.length > 0) {
      const batch = this.applies[0]!;
      const entries = batch.entries.filter((entry) => entry.index > this.appliedIndex);
      for (const entry of entries.slice(0, left)) {
        this.#applyOne(entry);
        moved = true;
      }
      left -= entries.length;
      if (this.appliedIndex >= batch.hi) this.applies.shift();
    }
    return moved;
  }

  #isReplaced(): boolean {
    return this.group.status().pendingSnapshotIndex > 0;
  }

  get appliedIndex(): number {
    return this.group.status().appliedIndex;
  }

  #applyOne(entry: Entry): void {
    const applied = {index: entry.index, term: entry.term, data: textOf(entry)};
    this.applied.push(applied);
    this.events.applied.push(applied);
    this.step({type: 'applied', index: entry.index});
  }

  /** Makes the state machine durable as it is now. */
  checkpoint(): void {
    const {configuration, configIndex, appliedIndex: index} = this.group.status();
    this.disk.checkpoint = {index, configuration, configIndex, applied: [...this.applied]};
  }

  compact(firstIndex: number): void {
    this.checkpoint();
    this.disk.compact(firstIndex);
    this.step({type: 'compacted', firstIndex});
  }

  /** The state machine as a snapshot at its applied index; undefined if that is not possible yet. */
  snapshot(): LabSnapshot | undefined {
    const {appliedIndex: index, configuration, configIndex} = this.group.status();
    const term = this.group.termAt(index);
    if (term === undefined) return undefined;
    const meta: SnapshotMeta = {index, term, configuration, configIndex};
    return {meta, applied: [...this.applied]};
  }

  /** A new process over the same disk: everything not durable is gone. */
  restart(): LabReplica {
    return new LabReplica(this.options, this.disk, this.#send);
  }

  takeEvents(): LabEvents {
    const events = this.events;
    this.events = noEvents();
    return events;
  }
}

export function noEvents(): LabEvents {
  return {roles: [], proposed: [], dropped: [], reads: [], transfers: [], applied: []};
}

const text = new TextDecoder();

/** An entry's payload as text. */
export function textOf(entry: Entry): string {
  if (entry.type === 'noop') return '';
  if (entry.type === 'normal') return text.decode(entry.payload);
  const command = decodeConfigChange(entry.payload);
  assert(command !== undefined, () => `undecodable configuration change at ${entry.index}`);
  return [command.mode, ...command.changes.map(({type, id}) => `${type}:${id}`)].join(' ');
}
