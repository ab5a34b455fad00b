// What the reconciler knows of the nodes: asked one by one, each in its own rhythm, so that a dead one
// delays nobody. Each says which others it hears, so that a link that fails between meta's leader and a
// node makes nobody take that node for dead. One word is not enough, as it may be wrong: at least half
// of the nodes that answer must hear a node. Half, so that of two in doubt nobody is taken for dead.

import {type Clock, DbError, META_SET, type NodeId, type Rpc} from '@flotilla/base';
import {medianTimeMs, type NodeReport, type ReplicaReport, type Reports} from '@flotilla/catalog';
import {decodeChecked, encodeJson} from './command-codec.ts';
import {ReportReceiver, reportAnswer} from './report-session.ts';

/** Nodes answer from memory. */
const REPORT_TIMEOUT_MS = 1_000;
/** Some questions in a row without an answer: the node counts as silent. */
const LIVE_MS = 3_000;

interface NodeState {
  readonly receiver: ReportReceiver;
  asking: Promise<void> | undefined;
  /** Since when its answers count; when the run began, for one that never answered. */
  heardAtMs: number;
  /** When it was last heard by half of those who answer; never: when the run began. */
  heardOfAtMs: number;
  /** Other nodes that it hears; undefined until it says so. */
  hears: ReadonlySet<NodeId> | undefined;
  answered: boolean;
  /** Its wall clock less the planner's monotonic one: the planner's own wall clock may jump after it. */
  wallAheadMs: number;
  diskFree: number;
  diskTotalBytes: number | undefined;
}

export interface NodeReportsOptions {
  readonly rpc: Rpc;
  readonly clock: Clock;
  /** Random, new in each run of the reconciler. */
  readonly session: string;
}

export class NodeReports {
  readonly #options: NodeReportsOptions;
  readonly #nodes = new Map<NodeId, NodeState>();

  constructor(options: NodeReportsOptions) {
    this.#options = options;
  }

  /** Asks the node now; joins a question under way only if `fresh` is false. */
  async ask(node: NodeId, fresh = false): Promise<void> {
    const state = this.#stateOf(node);
    if (state.asking !== undefined) {
      await state.asking;
      if (!fresh) return;
    }
    state.asking ??= this.#ask(node, state).finally(() => {
      state.asking = undefined;
    });
    await state.asking;
  }

  /** Only of these nodes; others are forgotten. */
  keep(nodes: ReadonlySet<NodeId>): void {
    for (const node of this.#nodes.keys()) if (!nodes.has(node)) this.#nodes.delete(node);
  }

  /** To be called after each round of questions. */
  weighHearsay(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const witnesses = [...this.#nodes.values()].flatMap((state) =>
      state.hears !== undefined && isLive(state, nowMs) ? [state.hears] : [],
    );
    for (const [node, state] of this.#nodes) {
      const hearing = witnesses.filter((hears) => hears.has(node)).length;
      if (hearing > 0 && 2 * hearing >= witnesses.length) state.heardOfAtMs = nowMs;
    }
  }

  /**
   * From here on `view` tells what has come in until now, and nothing that comes in later.
   * @param changed as of `ReportReceiver.settle`
   */
  settle(changed: (node: NodeId, report: ReplicaReport) => void = () => {}): void {
    for (const [node, {receiver}] of this.#nodes)
      receiver.settle((report) => changed(node, report));
  }

  /**
   * Nodes that never answered in this run are there as silent ones, since its beginning.
   * @param wallMs what is planned from it is planned for: a clock that jumps later is not held against others
   */
  view(wallMs: number): Reports {
    const nowMs = this.#options.clock.monotonicMs();
    const reports = new Map<NodeId, NodeReport>();
    const unheardMs = new Map<NodeId, number>();
    for (const [node, state] of this.#nodes) {
      const silentMs = nowMs - state.heardAtMs;
      // In its first moments a run knows nothing of a node, and must not plan around it as dead.
      const {isKnown} = state.receiver;
      if (!isKnown && silentMs < LIVE_MS) continue;
      const live = isKnown && isLive(state, nowMs);
      if (!live) unheardMs.set(node, nowMs - Math.max(state.heardAtMs, state.heardOfAtMs));
      reports.set(node, {
        node,
        live,
        isUnheard: state.answered ? undefined : true,
        clockOffsetMs: Math.round(state.wallAheadMs + nowMs - wallMs),
        diskFree: state.diskFree,
        diskTotalBytes: state.diskTotalBytes,
        leads: state.receiver.leads,
        writes: state.receiver.writes.rates,
        replicas: state.receiver.replicas,
      });
    }
    const timeMs = medianTimeMs(reports, wallMs);
    for (const [node, forMs] of unheardMs)
      reports.set(node, {...reports.get(node)!, silentSinceMs: timeMs - forMs});
    return reports;
  }

  /** Two of it are equal where no replica was told to have changed since, and no node fell silent or came back. */
  news(): string {
    const nowMs = this.#options.clock.monotonicMs();
    const parts = [...this.#nodes].map(
      ([node, state]) => `${node} ${isLive(state, nowMs)} ${state.receiver.news}`,
    );
    return parts.join();
  }

  async #ask(node: NodeId, state: NodeState): Promise<void> {
    const {rpc, clock, session} = this.#options;
    const {receiver} = state;
    const askedAtMs = clock.monotonicMs();
    const payload = encodeJson({session, acknowledged: receiver.acknowledged});
    try {
      const answer = decodeChecked(
        reportAnswer,
        await rpc.call({node, set: META_SET}, 'node.report', payload, {
          deadlineMs: askedAtMs + REPORT_TIMEOUT_MS,
        }),
      );
      state.heardAtMs = clock.monotonicMs();
      receiver.take(answer, state.heardAtMs);
      state.answered = true;
      // Half the round trip ago, as well as can be told.
      const tripMs = state.heardAtMs - askedAtMs;
      state.wallAheadMs = answer.wallMs + tripMs / 2 - state.heardAtMs;
      state.diskFree = answer.diskFree;
      state.diskTotalBytes = answer.diskTotalBytes;
      state.hears = answer.heard && new Set(answer.heard);
    } catch (error) {
      // Not hearing from a node is itself what is to be known of it.
      if (!(error instanceof DbError)) throw error;
    }
  }

  #stateOf(node: NodeId): NodeState {
    const present = this.#nodes.get(node);
    if (present !== undefined) return present;
    const nowMs = this.#options.clock.monotonicMs();
    const state: NodeState = {
      receiver: new ReportReceiver(),
      asking: undefined,
      heardAtMs: nowMs,
      heardOfAtMs: nowMs,
      hears: undefined,
      answered: false,
      wallAheadMs: this.#options.clock.wallMs() - nowMs,
      diskFree: 1,
      diskTotalBytes: undefined,
    };
    this.#nodes.set(node, state);
    return state;
  }
}

function isLive({answered, heardAtMs}: NodeState, nowMs: number): boolean {
  return answered && nowMs - heardAtMs < LIVE_MS;
}
