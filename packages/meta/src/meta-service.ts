// The meta group's door on the nodes that host it: proposals, read indexes and the watch. Only the
// leader answers the first two; others name it.

import {
  type Clock,
  type DatabaseId,
  DbError,
  META_SET,
  type NodeId,
  type OperationId,
  type RpcHandlers,
} from '@flotilla/base';
import {
  type Catalog,
  CLUSTER_VERSION,
  type Command,
  type CommandResult,
  type CommandValue,
  type CreateOperation,
  describingRebalance,
  isMedianAgreed,
  medianTimeMs,
  operationFault,
  planBucket,
  type RebalanceView,
  type Reports,
  versionFault,
  withoutNewerFields,
} from '@flotilla/catalog';
import * as z from 'zod';
import type {CatalogEvent} from './catalog-news.ts';
import {
  commandSchema,
  createOperation,
  decodeChecked,
  encodeCommand,
  encodeJson,
} from './command-codec.ts';
import type {MetaStateMachine} from './meta-state-machine.ts';
import {type StampTime, stampTimes} from './order-times.ts';
import {pause} from './pause.ts';
import type {GroupRole, MetaGroup} from './ports.ts';
import {databaseId, timeMs} from './schemas.ts';
import {CatalogWatch} from './watch.ts';

const proposeRequest = z.object({command: commandSchema, timeoutMs: z.number()});
const mayBeginRequest = z.object({operation: createOperation});
const readIndexRequest = z.object({timeoutMs: z.number()});
const ensureBucketRequest = z.object({database: databaseId, timeMs, timeoutMs: z.number()});

/** Between the turns of what takes long. */
const TURN_GAP_MS = 1;

/** Hears of a leader, and goes on. */
export function isLed(member: GroupRole | undefined): boolean {
  return member?.leader !== undefined && member.stopped === undefined;
}

export interface MetaServiceOptions {
  readonly group: MetaGroup;
  readonly machine: MetaStateMachine;
  readonly clock: Clock;
  /** What the reconciler knows of the nodes; new buckets avoid the silent and the full ones. */
  readonly reports?: (() => Reports) | undefined;
}

export class MetaService {
  readonly #options: MetaServiceOptions;
  readonly #watch: CatalogWatch;

  constructor(options: MetaServiceOptions) {
    this.#options = options;
    const {group, machine, clock} = options;
    const hasLeader = () => isLed(group.status(META_SET));
    this.#watch = new CatalogWatch({machine, clock, hasLeader});
  }

  get catalog(): Catalog {
    return this.#options.machine.catalog;
  }

  isLeader(): boolean {
    return this.#options.group.status(META_SET)?.role === 'leader';
  }

  /** Of the member's own catalog. Returns what ends it. */
  onUpdate(listener: (event: CatalogEvent) => void): () => void {
    return this.#options.machine.onUpdate(listener);
  }

  close(): void {
    this.#watch.close();
  }

  /** Rejects with the command's own DbError where the catalog refused it. */
  async propose<C extends Command>(command: C, deadlineMs: number): Promise<CommandValue<C>> {
    const {group} = this.#options;
    try {
      const stamped = stampTimes(command, this.#time());
      // Meta goes on where writes are refused for want of space: drops are what frees it.
      const options = {deadlineMs, onFullDisk: true, kind: 'meta'} as const;
      const fitting = await this.#fitting(stamped, deadlineMs);
      const result = await group.propose(META_SET, encodeCommand(fitting), options);
      return unwrap(result as CommandResult<CommandValue<C>>);
    } catch (error) {
      throw this.#namingLeader(error);
    }
  }

  /** As the cluster's version takes it. A copy that is behind may not say that it is too low. */
  async #fitting<C extends Command>(command: C, deadlineMs: number): Promise<C> {
    const {type} = command;
    if (type === 'found-cluster') return command;
    if (type === 'finalize-upgrade' && command.version > CLUSTER_VERSION)
      throw new DbError(
        'CONFLICT',
        `this node supports cluster version ${CLUSTER_VERSION} at most`,
      );
    const {catalog} = this;
    const fit = (): C => withoutNewerFields(command, catalog.clusterVersion);
    const fault = (): string | undefined => versionFault(command, catalog.clusterVersion);
    if (fault() === undefined && fit() === command) return command;
    const index = await this.#options.group.readIndex(META_SET, {deadlineMs});
    if (this.catalog.version < index)
      throw new DbError('UNAVAILABLE', 'the catalog is being brought up to date');
    const message = fault();
    if (message !== undefined) throw new DbError('CONFLICT', message);
    return fit();
  }

  async readIndex(deadlineMs: number): Promise<number> {
    try {
      return await this.#options.group.readIndex(META_SET, {deadlineMs});
    } catch (error) {
      throw this.#namingLeader(error);
    }
  }

  /** Planned here, where it is known which nodes live. */
  async ensureBucket(
    database: DatabaseId,
    atMs: number,
    deadlineMs: number,
  ): Promise<CommandValue<Extract<Command, {type: 'ensure-bucket'}>>> {
    if (!this.isLeader()) throw this.#notLeader();
    try {
      return await this.#makeBucket(database, atMs, deadlineMs);
    } catch (error) {
      // A node of the plan was drained meanwhile: planned anew it is left out.
      if (!(error instanceof DbError) || error.code !== 'CONFLICT') throw error;
      return this.#makeBucket(database, atMs, deadlineMs);
    }
  }

  async #makeBucket(
    database: DatabaseId,
    atMs: number,
    deadlineMs: number,
  ): Promise<CommandValue<Extract<Command, {type: 'ensure-bucket'}>>> {
    const present = this.catalog.bucketAt(database, atMs);
    if (present !== undefined) return {bucket: present.id, created: false};
    const now = {reports: this.#options.reports?.(), nowMs: this.#time().nowMs};
    const command = planBucket(this.catalog, database, atMs, now);
    if (command === undefined) {
      if (this.catalog.database(database) === undefined) {
        throw new DbError('DATABASE_NOT_FOUND', `no database ${database}`);
      }
      throw new DbError('UNAVAILABLE', 'no node can take a replica: all are draining or full');
    }
    return this.propose(command, deadlineMs);
  }

  /**
   * What a rebalance would do now. Only the leader has the reports that it takes. In turns: of many sets it
   * takes seconds, in which the groups of this thread go on.
   */
  async rebalanceView(): Promise<RebalanceView> {
    if (!this.isLeader()) throw this.#notLeader();
    const reports = this.#options.reports?.() ?? new Map();
    const missing = [...this.catalog.nodes()].filter(
      ({id, state}) => state !== 'decommissioned' && !reports.has(id),
    );
    if (missing.length > 0) {
      const nodes = missing.map(({id}) => id).join(', ');
      throw new DbError('UNAVAILABLE', `not all nodes have reported yet: ${nodes}; ask again`);
    }
    const {clock} = this.#options;
    const turns = describingRebalance(this.catalog, reports, this.#time().nowMs);
    for (;;) {
      const {done, value} = turns.next();
      if (done === true) return value;
      await pause(clock, TURN_GAP_MS);
    }
  }

  handlers(): RpcHandlers {
    const {clock} = this.#options;
    const deadlineOf = (timeoutMs: number) => clock.monotonicMs() + timeoutMs;
    return {
      call: new Map([
        [
          'meta.propose',
          async (payload) => {
            const {command, timeoutMs} = decodeChecked(proposeRequest, payload);
            const wanted = command.type === 'create-operation' ? this.#allowed(command) : command;
            return encodeJson(await this.propose(wanted, deadlineOf(timeoutMs)));
          },
        ],
        [
          'meta.may-begin',
          async (payload) => {
            this.#allowed(decodeChecked(mayBeginRequest, payload).operation);
            return encodeJson({});
          },
        ],
        [
          'meta.read-index',
          async (payload) => {
            const {timeoutMs} = decodeChecked(readIndexRequest, payload);
            return encodeJson({index: await this.readIndex(deadlineOf(timeoutMs))});
          },
        ],
        [
          'meta.ensure-bucket',
          async (payload) => {
            const request = decodeChecked(ensureBucketRequest, payload);
            const {database, timeMs: atMs, timeoutMs} = request;
            return encodeJson(await this.ensureBucket(database, atMs, deadlineOf(timeoutMs)));
          },
        ],
        ['meta.rebalance-view', async (_payload) => encodeJson(await this.rebalanceView())],
      ]),
      stream: new Map([
        ['meta.watch', (payload, context) => this.#watch.serve(payload, context.signal)],
      ]),
    };
  }

  #time(): StampTime {
    const {clock, reports: reported} = this.#options;
    const reports = reported?.() ?? new Map();
    const present = [...this.catalog.nodes()].filter(({state}) => state !== 'decommissioned');
    const isAgreed = isMedianAgreed(reports, present.length);
    const lastStepMs = (id: OperationId): number | undefined =>
      this.catalog.operation(id)?.history.at(-1)?.atMs;
    return {nowMs: medianTimeMs(reports, clock.wallMs()), isAgreed, lastStepMs};
  }

  /**
   * By what the nodes report; the catalog judges the rest. What the reconciler begins it has planned so. It pins
   * what is placed by hand once that is done (catalog/src/planning/placed-by-hand.ts), so the order does not.
   */
  #allowed({pin: _, ...wanted}: CreateOperation): CreateOperation {
    if (!this.isLeader()) throw this.#notLeader();
    const fault = operationFault(this.catalog, this.#options.reports?.() ?? new Map(), wanted);
    if (fault !== undefined) throw new DbError(fault.code, fault.message);
    return wanted;
  }

  #namingLeader(error: unknown): unknown {
    if (!(error instanceof DbError) || error.code !== 'NOT_LEADER') return error;
    return this.#notLeader();
  }

  #notLeader(): DbError {
    const leader = this.#leaderNode();
    if (leader === undefined) return new DbError('NO_LEADER', 'the meta group has no leader now');
    return new DbError('NOT_LEADER', `node ${leader} leads the meta group`, {leader});
  }

  #leaderNode(): NodeId | undefined {
    const leader = this.#options.group.status(META_SET)?.leader;
    if (leader === undefined) return undefined;
    const placed = this.catalog.metaSet()?.replicas.find(({replica}) => replica === leader.replica);
    return leader.node ?? placed?.node;
  }
}

function unwrap<Value>(result: CommandResult<Value>): Value {
  if (result.ok) return result.value;
  throw new DbError(result.error.code, result.error.message, result.error.details);
}
