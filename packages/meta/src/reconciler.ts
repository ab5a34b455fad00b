// Closes the difference between what should be and what is, wherever the meta group is led. It keeps
// no memory of its own but for whose turn it is: each round plans from the catalog and the nodes' reports, so a
// new leader goes on where the facts stand. Two actions on one subject are never under way at once, and a subject
// is planned for again only after the nodes concerned have reported since.

import {
  type Clock,
  DbError,
  type Log,
  META_SET,
  type NodeId,
  type Random,
  type ReplicaSetId,
  type Rpc,
  type Timer,
} from '@flotilla/base';
import {
  type Action,
  type Command,
  medianTimeMs,
  Planner,
  type PlanSettings,
  type ReplicaSet,
  type Reports,
  subjectOf,
} from '@flotilla/catalog';
import {encodeJson} from './command-codec.ts';
import type {MetaService} from './meta-service.ts';
import {NodeReports} from './node-reports.ts';
import {pause} from './pause.ts';
import type {CreateOrder} from './ports.ts';

const ROUND_MS = 200;
/** With nothing to do; a change of the catalog begins a round at once. Below what makes a node silent. */
const IDLE_ROUND_MS = 1_000;
/**
 * Where nothing new is reported only the passing of time makes anything due, in minutes: planning for
 * thousands of sets may then take this share of the leader's time, and is put off for so long at most.
 */
const QUIET_PLAN_SHARE = 0.004;
const QUIET_PLAN_MS_MAX = 10_000;
/**
 * Where operations run and nothing can be done but wait for nodes, planning may take this share: one of the
 * cluster's own checksums may always be running. An idle round's time is waited at most.
 */
const WAITING_PLAN_SHARE = 0.05;
/** Between rounds that follow at once on what the one before did. */
const ROUND_GAP_MS = 20;
/** Changed sets that are looked at in one turn: some microseconds each, and the groups' turns go on. */
const LOOKS_PER_TURN = 500;
/** Between two such turns. */
const TURN_GAP_MS = 1;
/** A subject whose action failed rests: what refused it will hardly have changed sooner. */
const REST_MS = 1_000;
/**
 * How soon leadership is seen where nobody tells of it; who calls `start` when it changes sees it at once.
 * Each round proves leadership anew in any case.
 */
const LEADERSHIP_MS = 1_000;
/** Orders and commands under way at once: enough to fill the nodes, few enough to see each fail. */
const ACTIONS_MAX = 64;
/** Of them at one node: the orders to one whose disk hangs must leave room for the others'. */
const NODE_ORDERS_MAX = 16;
/** Replicas made at a node at once: to found a group takes some milliseconds of its engine thread, and writes wait. */
const WAVE_NODE_REPLICAS = 8;
/** Nodes that take longer are not waited for. */
const WAVE_MS_MAX = 500;
/** Between two waves, as a multiple of how long one took: most of the time is for the groups that are there. */
const WAVE_REST = 6;
const WAVE_REST_MS_MAX = 300;
/** An order is carried out in milliseconds, a new replica's first sync on a slow disk in a second. */
const ORDER_TIMEOUT_MS = 10_000;

type CreateReplica = Extract<Action, {type: 'create-replica'}>;
/** Begun one by one; replicas are created in waves. */
type Step = Exclude<Action, CreateReplica>;

export interface ReconcilerOptions {
  readonly service: MetaService;
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings?: PlanSettings | undefined;
}

/** To be started once where the meta group has a member; it works only while that member leads. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #run: Run | undefined;
  #timer: Timer | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Of the present run; empty elsewhere than at the leader. */
  reports(): Reports {
    return this.#run?.reports() ?? new Map();
  }

  isRunning(): boolean {
    return this.#run !== undefined;
  }

  start(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(LEADERSHIP_MS, () => this.start());
    if (this.#options.service.isLeader()) this.#run ??= new Run(this.#options);
    else this.#end();
  }

  /** At once: what is under way is left to itself, and whoever leads next plans from the facts. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#end();
  }

  #end(): void {
    this.#run?.stop();
    this.#run = undefined;
  }
}

class Run {
  readonly #options: ReconcilerOptions;
  readonly #nodes: NodeReports;
  #planner: Planner;
  /** Of its own, in the round that goes on. */
  #planMs = 0;
  readonly #stopped = new AbortController();
  /** By subject, who carries it out; a command has nobody, nor has what failed and rests. */
  readonly #underway = new Map<string, NodeId | undefined>();
  /** A wave of creations is under way, or was a moment ago. */
  #isCreating = false;
  /** Told to leave, in the order of the last time, as long as there is any to be told. */
  readonly #leadsTried = new Set<ReplicaSetId>();
  #wake: AbortController | undefined;
  /** The last round left nothing to do. */
  #isQuiet = false;
  /** What a quiet round last planned from, and until when that stands. */
  #quietNews = '';
  #quietUntilMs = 0;
  /** What is to pass after the last round, unless something ends or changes before. */
  #restMs = ROUND_MS;
  readonly #unlisten: () => void;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const session = options.random.below(0x1_0000_0000).toString(16);
    this.#nodes = new NodeReports({rpc: options.rpc, clock: options.clock, session});
    this.#planner = new Planner(options.service.catalog);
    this.#unlisten = options.service.onUpdate((event) => {
      if (event.type === 'update') {
        this.#planner.catalogChanged(event.update);
        if (event.update.changes.length === 0) return;
      }
      this.#isQuiet = false;
      this.#wake?.abort();
    });
    void this.#loop();
  }

  reports(): Reports {
    return this.#nodes.view(this.#options.clock.wallMs());
  }

  stop(): void {
    this.#stopped.abort();
    this.#wake?.abort();
    this.#unlisten();
  }

  async #loop(): Promise<void> {
    const {clock, log} = this.#options;
    while (!this.#stopped.signal.aborted) {
      this.#wake = new AbortController();
      this.#restMs = ROUND_MS;
      try {
        this.#isQuiet = this.#isQuiet && (await this.#isStillQuiet());
        if (!this.#isQuiet) this.#isQuiet = !(await this.#round());
        if (this.#isQuiet) this.#restMs = IDLE_ROUND_MS;
      } catch (error) {
        // A round that fails is tried again: leadership may just have gone, or not be proven yet.
        if (!this.#stopped.signal.aborted)
          log.warn({error: String(error)}, 'reconciler round failed');
      }
      await pause(clock, ROUND_GAP_MS, this.#stopped.signal);
      await pause(clock, this.#restMs - ROUND_GAP_MS, this.#wake.signal);
    }
  }

  /**
   * Looks whether there is anything to do, without proof that this member leads: a read in each round
   * would keep the meta group awake for ever. Nothing is ordered from here.
   */
  async #isStillQuiet(): Promise<boolean> {
    await this.#askAll(this.#presentNodes());
    const {clock} = this.#options;
    const news = this.#nodes.news();
    if (news === this.#quietNews && clock.monotonicMs() < this.#quietUntilMs) return true;
    const wallMs = clock.wallMs();
    const planned = await this.#plan(this.#view(wallMs), wallMs);
    this.#quietNews = news;
    const restMs = Math.min(this.#planMs / QUIET_PLAN_SHARE, QUIET_PLAN_MS_MAX);
    this.#quietUntilMs = clock.monotonicMs() + restMs;
    return planned.length === 0 && !this.#isOperating();
  }

  /** What was reported until now; the planner is told what that changed. */
  #view(wallMs: number): Reports {
    this.#nodes.settle((node, report) => this.#planner.reportChanged(node, report));
    return this.#nodes.view(wallMs);
  }

  /**
   * In turns, where much has changed: the groups of this thread go on between them. What the catalog learns
   * meanwhile is planned for, too.
   * Planned is by the time that most clocks say, as is everything in the catalog that has a time: by its own
   * one that is ahead would end people's pauses.
   * @param wallMs that of the reports, which say how far it is from other clocks.
   */
  async #plan(reports: Reports, wallMs: number): Promise<Action[]> {
    const {service, settings, clock} = this.#options;
    const nowMs = medianTimeMs(reports, wallMs);
    this.#planMs = 0;
    for (;;) {
      const beganMs = clock.monotonicMs();
      const {catalog} = service;
      // A snapshot took the place of the copy.
      if (this.#planner.catalog !== catalog) this.#planner = new Planner(catalog);
      const isReady = this.#planner.look(reports, LOOKS_PER_TURN);
      const round = {...settings, leadsTried: this.#leadsTried};
      const actions = isReady ? this.#planner.plan(reports, nowMs, round) : undefined;
      this.#planMs += clock.monotonicMs() - beganMs;
      if (actions !== undefined) return actions;
      await pause(clock, TURN_GAP_MS, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return [];
    }
  }

  #presentNodes(): NodeId[] {
    const nodes = [...this.#options.service.catalog.nodes()];
    const present = nodes.filter(({state}) => state !== 'decommissioned').map(({id}) => id);
    this.#nodes.keep(new Set(present));
    return present;
  }

  #isOperating(): boolean {
    return this.#options.service.catalog.unfinishedOperationCount > 0;
  }

  /** True where something is going on. */
  async #round(): Promise<boolean> {
    const {service, clock} = this.#options;
    await this.#askAll(this.#presentNodes());
    if (this.#stopped.signal.aborted) return false;
    const wallMs = clock.wallMs();
    const reports = this.#view(wallMs);
    // What ends from here on is not in these reports: it is planned for from the next.
    const ending = new Set(this.#underway.keys());
    // Proves that this member still leads and that its copy holds all that was committed: what it
    // does not name was removed, and may be destroyed. After the reports, since whoever led meanwhile
    // may have made what they tell of.
    const index = await service.readIndex(clock.monotonicMs() + ORDER_TIMEOUT_MS);
    if (service.catalog.version < index || this.#stopped.signal.aborted) return true;
    const actions = await this.#plan(reports, wallMs);
    if (this.#stopped.signal.aborted) return false;
    const restMs = Math.max(ROUND_MS, this.#planMs / WAITING_PLAN_SHARE);
    if (this.#planner.isSearching) this.#restMs = ROUND_GAP_MS;
    else if (actions.length === 0) this.#restMs = Math.min(restMs, IDLE_ROUND_MS);
    if (!actions.some(({type}) => type === 'transfer-leader')) this.#leadsTried.clear();
    const wave: CreateReplica[] = [];
    for (const action of actions) {
      if (this.#underway.size + wave.length >= ACTIONS_MAX) break;
      if (ending.has(subjectOf(action))) continue;
      if (action.type !== 'create-replica') this.#begin(action);
      else if (this.#isInWave(action, wave)) wave.push(action);
    }
    if (wave.length > 0) void this.#createWave(wave);
    return actions.length > 0 || this.#isOperating();
  }

  /** Waits for the answers of a round at most: a silent node is asked on beside it. */
  async #askAll(nodes: readonly NodeId[]): Promise<void> {
    const all = Promise.all(nodes.map((node) => this.#nodes.ask(node)));
    all.catch((error: unknown) => this.#options.log.error({error: String(error)}, 'report failed'));
    await Promise.race([all, pause(this.#options.clock, ROUND_MS, this.#stopped.signal)]);
    this.#nodes.weighHearsay();
  }

  #begin(action: Step): void {
    const subject = subjectOf(action);
    const node = action.type === 'propose' ? undefined : action.node;
    if (this.#underway.has(subject) || this.#isBusy(node)) return;
    this.#underway.set(subject, node);
    if (action.type === 'transfer-leader') {
      this.#leadsTried.delete(action.set);
      this.#leadsTried.add(action.set);
    }
    void this.#carryOut(action)
      .catch((error: unknown) => this.#rest(action, error))
      .finally(() => this.#end(action));
  }

  /** It failed; its node is free for others. */
  #rest(action: Action, error: unknown): Promise<void> {
    const {signal} = this.#stopped;
    if (!signal.aborted) this.#note(action, error);
    this.#underway.set(subjectOf(action), undefined);
    return pause(this.#options.clock, REST_MS, signal);
  }

  #end(action: Action): void {
    this.#underway.delete(subjectOf(action));
    this.#wake?.abort();
  }

  #isInWave(action: CreateReplica, wave: readonly CreateReplica[]): boolean {
    const {node} = action;
    if (this.#isCreating || this.#underway.has(subjectOf(action)) || this.#isBusy(node))
      return false;
    return wave.filter((other) => other.node === node).length < WAVE_NODE_REPLICAS;
  }

  /** At all nodes together, so that one round opens what a wave made. A node that hangs holds up no other. */
  async #createWave(wave: readonly CreateReplica[]): Promise<void> {
    const {clock, log} = this.#options;
    const {signal} = this.#stopped;
    this.#isCreating = true;
    const beganMs = clock.monotonicMs();
    // Also of one that is not waited for any more.
    const tell = (error: unknown): void => log.error({error: String(error)}, 'report failed');
    const byNode = Map.groupBy(wave, ({node}) => node);
    const made = [...byNode].map(([node, part]) => this.#createAt(node, part).catch(tell));
    await Promise.race([Promise.all(made), pause(clock, WAVE_MS_MAX, signal)]);
    const tookMs = clock.monotonicMs() - beganMs;
    await pause(clock, Math.min(WAVE_REST * tookMs, WAVE_REST_MS_MAX), signal);
    this.#isCreating = false;
    this.#wake?.abort();
  }

  async #createAt(node: NodeId, part: readonly CreateReplica[]): Promise<void> {
    for (const action of part) this.#underway.set(subjectOf(action), node);
    const made: CreateReplica[] = [];
    const orders = part.map(async (action) => {
      try {
        await this.#create(action);
        made.push(action);
      } catch (error) {
        void this.#rest(action, error).then(() => this.#end(action));
      }
    });
    try {
      await Promise.all(orders);
      // One report for all of them.
      if (!this.#stopped.signal.aborted) await this.#nodes.ask(node, true);
    } finally {
      for (const action of made) this.#end(action);
    }
  }

  #isBusy(node: NodeId | undefined): boolean {
    if (node === undefined) return false;
    const orders = [...this.#underway.values()].filter((other) => other === node);
    return orders.length >= NODE_ORDERS_MAX;
  }

  async #carryOut(action: Step): Promise<void> {
    try {
      await this.#execute(action);
    } finally {
      // What it changed, or failed to, is known only from reports made after it.
      const concerned = this.#stopped.signal.aborted ? [] : this.#nodesOf(action);
      await Promise.all(concerned.map((node) => this.#nodes.ask(node, true)));
    }
  }

  #execute(action: Step): Promise<unknown> {
    const timeoutMs = ORDER_TIMEOUT_MS;
    switch (action.type) {
      case 'propose':
        return this.#propose(action.command);
      case 'destroy-replica':
        return this.#order(action, 'replica.destroy', {set: action.set, replica: action.replica});
      case 'change-config': {
        const {set, changes, mode, expectedConfigIndex} = action;
        const body = {set, changes, mode, expectedConfigIndex, timeoutMs};
        return this.#order(action, 'replica.config', body);
      }
      case 'transfer-leader':
        return this.#order(action, 'replica.transfer', {set: action.set, to: action.to, timeoutMs});
      case 'work-on-replica': {
        const {set, replica, operation, work} = action;
        return this.#order(action, 'replica.work', {set, replica, operation, work, timeoutMs});
      }
      default:
        return action satisfies never;
    }
  }

  #propose(command: Command): Promise<unknown> {
    const {service, clock} = this.#options;
    return service.propose(command, clock.monotonicMs() + ORDER_TIMEOUT_MS);
  }

  #order(
    {node, set}: Exclude<Action, {type: 'propose'}>,
    method: string,
    body: object,
  ): Promise<unknown> {
    const {rpc, clock} = this.#options;
    const deadlineMs = clock.monotonicMs() + ORDER_TIMEOUT_MS;
    return rpc.call({node, set}, method, encodeJson(body), {deadlineMs});
  }

  /** A founder brings the group's bootstrap; every later replica begins empty. */
  #create(action: CreateReplica): Promise<unknown> {
    const {set, replica} = action;
    const entity = this.#options.service.catalog.replicaSet(set);
    // Planned a moment ago, and removed or dropped since.
    const placed = entity?.replicas.find((one) => one.replica === replica);
    if (entity === undefined || placed === undefined || entity.state === 'dropping')
      return Promise.resolve();
    const learners = entity.foundingLearners ?? [];
    const voters = entity.founders.filter((id) => !learners.includes(id));
    const founding = {voters, learners};
    const order: CreateOrder = {
      set,
      replica,
      founding: entity.founders.includes(replica) ? founding : undefined,
      createdAtVersion: Math.max(entity.createdAtVersion, ...ordersOf(entity)),
      from: placed.from,
    };
    return this.#order(action, 'replica.create', order);
  }

  #nodesOf(action: Step): NodeId[] {
    if (action.type === 'propose') return [];
    if (action.type !== 'transfer-leader') return [action.node];
    const {catalog} = this.#options.service;
    const to = catalog.replicaSet(action.set)?.replicas.find(({replica}) => replica === action.to);
    return to === undefined ? [action.node] : [action.node, to.node];
  }

  /** The next round plans from the facts again, so a failure is only told. */
  #note(action: Action, error: unknown): void {
    const {log} = this.#options;
    const set = 'set' in action ? action.set : META_SET;
    const fields = {action: action.type, subject: subjectOf(action), set, error: String(error)};
    if (error instanceof DbError) log.info(fields, 'reconciler action refused');
    else log.error(fields, 'reconciler action failed');
  }
}

/** A replica that is made must know what the others of its set pass over, before it applies anything. */
function ordersOf({skippedEntries = [], skipOrder}: ReplicaSet): number[] {
  const orders = [...skippedEntries, ...(skipOrder === undefined ? [] : [skipOrder])];
  return orders.map(({order = 0}) => order);
}
