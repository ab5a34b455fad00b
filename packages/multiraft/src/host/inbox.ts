// Items of frames to the groups they are for. A message never makes a replica: what is for a replica
// that does not live here is dropped and answered "gone". What does not decode is dropped and counted.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import type {Message} from '@flotilla/raft';
import {ByteReader, ByteWriter, decodeAppend, decodeMessage, type FrameItem} from '@flotilla/wire';
import type {Snapshots} from '../snapshot/snapshots.ts';
import type {Driver} from './driver.ts';
import {FragmentAssembler} from './fragments.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {NodeStates} from './node-states.ts';
import {decodeLeaderTerm, encodeLeaderTerm, type Notices} from './notices.ts';
import type {Ticker} from './ticker.ts';

export class Inbox {
  readonly #driver: Driver;
  readonly #ticker: Ticker;
  readonly #notices: Notices;
  readonly #snapshots: Snapshots;
  readonly #nodes: NodeStates;
  readonly #fragments = new FragmentAssembler();
  /** Dropped, by reason. */
  readonly counts = {malformed: 0, gone: 0};

  constructor(
    driver: Driver,
    ticker: Ticker,
    notices: Notices,
    snapshots: Snapshots,
    nodes: NodeStates,
  ) {
    this.#driver = driver;
    this.#ticker = ticker;
    this.#notices = notices;
    this.#snapshots = snapshots;
    this.#nodes = nodes;
  }

  /** The connection to the node is a new one. */
  forget(node: NodeId): void {
    this.#fragments.forget(node);
  }

  take(from: NodeId, thread: number, item: FrameItem): void {
    switch (item.kind) {
      case 'message':
        this.#takeMessage(from, thread, item.set, decodeMessage(item.payload));
        break;
      case 'append':
        this.#takeMessage(from, thread, item.set, decodeAppend(item.payload));
        break;
      case 'fragment': {
        const whole = this.#fragments.add(from, item);
        if (whole !== undefined) this.take(from, thread, whole);
        break;
      }
      case 'gone':
        this.#takeGone(item);
        break;
      case 'notLeading':
        this.#takeNotLeading(from, item);
        break;
      case 'notLeadingAck': {
        const notice = decodeLeaderTerm(item);
        if (notice !== undefined)
          this.#notices.acknowledged(from, item.set as ReplicaSetId, notice);
        break;
      }
      case 'follows':
        this.#takeFollows(from, item);
        break;
      case 'snapshotBegin':
      case 'snapshotChunk':
      case 'snapshotAck':
        this.#snapshots.take(from, item);
        break;
    }
  }

  #group(set: number): HostedGroup | undefined {
    return this.#driver.groups.get(set as ReplicaSetId);
  }

  #takeMessage(from: NodeId, thread: number, set: number, message: Message | undefined): void {
    if (message === undefined) {
      this.counts.malformed += 1;
      return;
    }
    this.#driver.counts.messagesReceived[message.type] += 1;
    const group = this.#group(set);
    if (group === undefined || group.replica !== message.to) {
      this.#answerGone(from, set, message.to);
      return;
    }
    // Contents come first: the snapshots step this message once all is staged.
    if (message.type === 'snapshot' || group.isGone) return;
    // Who applies nothing does not take a place over; the leader asks the next.
    if (message.type === 'timeoutNow' && this.#driver.applier.isWedged(group)) return;
    group.nodes.set(message.from, from);
    group.threads.set(message.from, thread);
    this.#rouse(group, message);
    const input = {type: 'message', message} as const;
    if (message.type === 'timeoutNow') this.#driver.stand(group, input, 'transferred');
    else this.#driver.heard(group, input);
  }

  #rouse(group: HostedGroup, {type}: Message): void {
    if (type === 'heartbeat') group.heardMs = this.#ticker.lastTickMs;
    if (type === 'heartbeat' || type === 'heartbeatReply') return;
    if (type === 'readIndex' || type === 'readIndexReply') this.#ticker.stir(group);
    else this.#ticker.wake(group);
  }

  #answerGone(from: NodeId, set: number, replica: number): void {
    this.counts.gone += 1;
    const writer = new ByteWriter(8);
    writer.varint(replica);
    this.#driver.outbox.item(from, {kind: 'gone', set, payload: writer.finish()});
    this.#driver.schedule();
  }

  #takeGone(item: FrameItem): void {
    const group = this.#group(item.set);
    const id = new ByteReader(item.payload).varint();
    if (group !== undefined) this.#driver.step(group, {type: 'unreachable', id});
  }

  #takeNotLeading(from: NodeId, item: FrameItem): void {
    const notice = decodeLeaderTerm(item);
    if (notice === undefined) return;
    const payload = encodeLeaderTerm(notice);
    this.#driver.outbox.item(from, {kind: 'notLeadingAck', set: item.set, payload});
    this.#driver.schedule();
    const group = this.#group(item.set);
    if (group === undefined || group.role.leader !== notice.leader) return;
    if (group.role.term > notice.term) return;
    this.#nodes.depose(group, 'leader_resigned');
  }

  #takeFollows(from: NodeId, item: FrameItem): void {
    const followed = decodeLeaderTerm(item);
    if (followed === undefined) return;
    const group = this.#group(item.set);
    const leads = group?.isLeader === true && !group.isGone;
    if (followed.leader === 0) {
      // Its heartbeats tell.
      if (leads) this.#ticker.wake(group);
      return;
    }
    if (leads && group.replica === followed.leader && group.role.term === followed.term) return;
    this.#notices.notLeading(item.set as ReplicaSetId, followed, [from]);
  }
}
