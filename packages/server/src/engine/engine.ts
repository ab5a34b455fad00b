// An engine thread: groups, routing and queries behind one mailbox. Runs in a worker, or in the main
// thread when a node has none.

import {isMainThread, type MessagePort} from 'node:worker_threads';
import {DbError, isPassing, type Log, META_SET, toWireError} from '@flotilla/base';
import {loadSqlParser} from '@flotilla/query';
import {isRpcFrame, refuseRpcFrame} from '../connections/rpc-frame.ts';
import type {ThreadCondition} from '../node/node-health.ts';
import {EngineCalls} from './engine-calls.ts';
import {type EngineParts, startEngine} from './engine-start.ts';
import {machinesOf} from './machines.ts';
import type {EngineOptions, FromEngine, ToEngine} from './messages.ts';
import {updateNodeRecord} from './meta-role.ts';
import {pause} from './pause.ts';

const NOTES_MS = 200;
/** All replicas are looked at for it, and only people are shown it. */
const FLUSH_NOTES_MS = 5_000;
const HOUSEKEEPING_MS = 1_000;
/** All replicas are looked at for it, and it is about an hour, or a minute. */
const UNLOAD_LOOK_MS = 10_000;
/** What a full disk refused may cost it as much again. */
const REFUSED_LOOK_MS = 60_000;
/** Longer than a meta election: after it the meta group counts as lost. */
const FRESH_MS_MAX = 10_000;
/** Between tries to bring this node's record up to date while meta is lost. */
const RECORD_RETRY_MS = 2_000;

type AfterStart = Exclude<ToEngine, {type: 'start'}>;

export class Engine {
  readonly #emit: (message: FromEngine) => void;
  readonly #createLog: (options: EngineOptions) => Log;
  #parts: EngineParts | undefined;
  #calls: EngineCalls | undefined;
  /** What came before the thread was ready, frames apart. */
  #early: AfterStart[] = [];
  #isStopping = false;

  constructor(emit: (message: FromEngine) => void, createLog: (options: EngineOptions) => Log) {
    this.#emit = emit;
    this.#createLog = createLog;
  }

  receive(message: ToEngine): void {
    if (message.type === 'start') {
      this.#start(message.options, message.background).catch((error: unknown) => {
        this.#emit({
          type: 'fatal',
          message: error instanceof Error ? error.message : String(error),
        });
      });
      return;
    }
    if (this.#parts === undefined) {
      if (message.type === 'frame') this.#refuseEarly(message);
      else this.#early.push(message);
      return;
    }
    this.#handle(message, this.#parts);
  }

  /** Groups' frames are sent again by themselves; who calls is told at once, and asks another node. */
  #refuseEarly({from, channel, frame}: Extract<ToEngine, {type: 'frame'}>): void {
    if (!isRpcFrame(frame)) return;
    const refusal = refuseRpcFrame(frame, new DbError('UNAVAILABLE', 'the node is starting'));
    if (refusal !== undefined) this.#emit({type: 'send', to: from, channel, frame: refusal});
  }

  async #start(options: EngineOptions, background: MessagePort): Promise<void> {
    const log = this.#createLog(options);
    await loadSqlParser();
    const parts = await startEngine(options, background, this.#emit, log);
    // A thread is watched once: the main one by its node.
    if (!isMainThread) parts.watch.watchCollections();
    this.#parts = parts;
    this.#calls = new EngineCalls(parts.services, this.#emit, {log, clock: parts.clock});
    for (const [set] of parts.host.stateMachines()) this.#emit({type: 'hosted', set, isHere: true});
    for (const set of parts.host.broken().keys()) this.#emit({type: 'hosted', set, isHere: true});
    this.#emit({type: 'buried', upto: [...parts.host.tombstones()]});
    for (const message of this.#early.splice(0)) this.#handle(message, parts);
    this.#tick(parts);
    if (options.founding !== undefined) {
      await parts.metaRole?.found(options.founding.clusterId, options.founding.incarnation);
      this.#emit({type: 'hosted', set: META_SET, isHere: true});
    }
    parts.metaRole?.start();
    this.#emit({type: 'started', hasLoss: parts.host.hasLoss});
    if (options.thread === 0) await this.#recordNode(parts, log);
  }

  #handle(message: AfterStart, parts: EngineParts): void {
    switch (message.type) {
      case 'frame':
        if (isRpcFrame(message.frame)) parts.rpc.receive(message.from, message.frame);
        else parts.host.receive(message.from, message.channel, message.frame);
        return;
      case 'node':
        this.#nodeChanged(message, parts);
        return;
      case 'catalog':
        parts.copy.take(message.news);
        return;
      case 'remembered':
        this.#remembered(message, parts);
        return;
      case 'vouched':
        parts.host.vouched();
        return;
      case 'disown':
        this.#disown(message, parts);
        return;
      case 'loss':
        parts.replicas.learnLoss(message.elsewhere);
        return;
      case 'loss-settled':
        parts.replicas.settleLoss().catch((error: unknown) => this.#die(error));
        return;
      case 'notes':
        parts.notes.take(message.thread, message.news);
        return;
      case 'certificates':
        parts.certificates.ends = message.ends;
        return;
      case 'audit-begun':
        parts.audit.begun(message.asked, message.act);
        return;
      case 'call':
        this.#serve(message);
        return;
      case 'pull':
        this.#calls?.pull(message.callId);
        return;
      case 'cancel':
        this.#calls?.cancel(message.callId);
        return;
      case 'stop':
        this.#stop(parts).catch((error: unknown) => this.#die(error));
        return;
      default:
        message satisfies never;
    }
  }

  #nodeChanged({node, state}: Extract<ToEngine, {type: 'node'}>, parts: EngineParts): void {
    if (state.state === 'gone') parts.rpc.nodeLost(node);
    parts.nodes.changed(node, state.state === 'alive');
    parts.host.nodeChanged(node, state);
  }

  #remembered({node, records}: Extract<ToEngine, {type: 'remembered'}>, {host}: EngineParts): void {
    const disowned = host.remembered(records);
    if (disowned === undefined) {
      this.#emit({type: 'vetted', node});
      return;
    }
    // Nothing more is asked by this life, whose numbers others have seen used before.
    this.#isStopping = true;
    disowned.then(
      () => this.#emit({type: 'old-image'}),
      (error: unknown) => this.#die(error),
    );
  }

  #disown({records}: Extract<ToEngine, {type: 'disown'}>, {host}: EngineParts): void {
    this.#isStopping = true;
    host.disown(records).then(
      () => this.#emit({type: 'disowned'}),
      (error: unknown) => this.#die(error),
    );
  }

  #die(error: unknown): void {
    this.#emit({type: 'fatal', message: String(error)});
  }

  #serve({callId, call, receivedMs}: Extract<ToEngine, {type: 'call'}>): void {
    if (this.#isStopping) {
      const error = toWireError(new DbError('DRAINING', 'the node is stopping; ask another'));
      this.#emit({type: 'failed', callId, error});
      return;
    }
    this.#calls?.serve(callId, call, receivedMs);
  }

  /** Timers of the thread: each sets the next one itself, so that a late one is followed by no burst. */
  #tick(parts: EngineParts): void {
    const {clock} = parts;
    const every = (ms: number, work: () => void): void => {
      clock.setTimer(ms, () => {
        if (this.#isStopping) return;
        work();
        every(ms, work);
      });
    };
    every(HOUSEKEEPING_MS, () => {
      flushDue(parts, this.#emit);
      parts.effects.settle();
      parts.failover.settle();
      parts.stopped.settle();
      this.#emit({type: 'condition', condition: conditionOf(parts)});
    });
    every(Math.min(UNLOAD_LOOK_MS, parts.options.unloadAfterMs ?? UNLOAD_LOOK_MS), () =>
      unloadDue(parts, this.#emit),
    );
    every(REFUSED_LOOK_MS, () => {
      for (const machine of machinesOf(parts.host)) machine.beginRefused();
    });
    if (parts.options.thread > 0) {
      every(NOTES_MS, () => {
        const {replicas} = parts;
        const news = replicas.isSettled() ? replicas.news() : undefined;
        if (news !== undefined) this.#emit({type: 'notes', news});
      });
      every(FLUSH_NOTES_MS, () => parts.replicas.lookForFlushes());
    }
  }

  /** Brings the catalog up to date, tells so, and corrects this node's record in it, however late. */
  async #recordNode({meta, copy, options, clock}: EngineParts, log: Log): Promise<void> {
    for (let isFirst = true; !this.#isStopping; isFirst = false) {
      try {
        await copy.refresh(clock.monotonicMs() + FRESH_MS_MAX);
        this.#emit({type: 'fresh', isMetaLost: false});
        await updateNodeRecord(meta, copy.catalog, options, clock.monotonicMs() + FRESH_MS_MAX);
        return;
      } catch (error) {
        if (!(error instanceof DbError)) throw error;
        const message = 'the meta group does not answer; this node serves what needs no meta';
        if (isFirst) log.warn({err: error}, message);
        this.#emit({type: 'fresh', isMetaLost: true});
        await pause(clock, RECORD_RETRY_MS);
      }
    }
  }

  async #stop(parts: EngineParts): Promise<void> {
    this.#isStopping = true;
    await this.#calls?.close();
    await parts.close();
    parts.watch.stop();
    this.#emit({type: 'stopped'});
  }
}

function conditionOf({host, metaRole}: EngineParts): ThreadCondition {
  return {
    isDiskFull: host.isDiskFull,
    faultyReplicas: host.faultyReplicas,
    isMetaHeard: metaRole?.isHeard,
  };
}

function flushDue({flushes, clock}: EngineParts, emit: (message: FromEngine) => void): void {
  for (const machine of flushes.due(clock.monotonicMs())) watchFlush(machine.flush(), emit);
}

function unloadDue({unloads, host, clock}: EngineParts, emit: (message: FromEngine) => void): void {
  for (const machine of unloads.due(machinesOf(host), clock.monotonicMs()))
    watchFlush(machine.unload(), emit);
}

function watchFlush(flush: Promise<unknown>, emit: (message: FromEngine) => void): void {
  flush.catch((error: unknown) => {
    // Its rows stay in memory and in the log, and it is due until there is room, or descriptors.
    if (isPassing(error)) return;
    emit({type: 'fatal', message: `a flush failed: ${String(error)}`});
  });
}
