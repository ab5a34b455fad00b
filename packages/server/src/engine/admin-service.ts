// What /admin/v1 answers: the catalog and the replicas as JSON, and operations on them as commands
// to meta. Runs in thread 0. All of it sees what was done before through any node: the catalog is
// brought up to the meta group's present index first. Without meta what only reads goes on with the
// own copy, and says so: an operator needs it most then.

import {
  type Clock,
  DbError,
  type NodeId,
  type OperationId,
  type ReplicaId,
  type ReplicaSetId,
  type Rpc,
  type WorkSlices,
} from '@flotilla/base';
import type {
  Catalog,
  Command,
  CommandValue,
  Database,
  FailoverMode,
  Operation,
  ReplicaSet,
  Tenant,
} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {FragmentReader, WriteRouter} from '@flotilla/router';
import {listTokens, tokenChanges} from './admin-tokens.ts';
import {type CardinalityArgs, cardinalityFor} from './cardinality.ts';
import {type CatalogAccess, findDatabase} from './catalog-access.ts';
import {catalogFileOf} from './catalog-file.ts';
import {databasesOf, liveTenants} from './catalog-rows.ts';
import {type ClusterView, metaVoters, type ReplicaSetView} from './cluster-view.ts';
import {optionsOf} from './database-options.ts';
import {durationText} from './durations.ts';
import {Elections} from './elections.ts';
import type {AdminCall, AdminRead} from './gateway.ts';
import {NodeAdmin} from './node-admin.ts';
import {nodeConditions} from './node-reasons.ts';
import {noticesOf} from './notices.ts';
import {NAMELESS, OperationOrders, type OrderTerms, type WholeSetKind} from './operation-orders.ts';
import {type OperationViewDeps, viewAll, viewBegun, viewOne} from './operation-view.ts';
import {Recovery} from './recovery.ts';
import {describeAutomation, RestOrders} from './rest-orders.ts';
import {StoppedAdmin} from './stopped-admin.ts';
import {readStorage, type StorageReport} from './storage-report.ts';
import {TrashAdmin, type TrashAdminDeps} from './trash-admin.ts';
import {trialOf} from './trial.ts';
import {ttlChange} from './ttl-change.ts';
import {unpin} from './unpin.ts';
import {Upgrades, upgradeNotice} from './upgrade.ts';
import {verdictOf} from './verdict.ts';

/** DDL and orders by hand: longer than a meta election, shorter than a person's patience. */
const ADMIN_MS_MAX = 10_000;
/** Longer than an election of the meta group; `status` must answer soon without one. */
const REFRESH_MS_MAX = 2_000;

export interface AdminServiceDeps {
  readonly access: CatalogAccess;
  readonly meta: Pick<MetaClient, 'propose'>;
  /** What only the meta leader can work out. */
  readonly plans: Pick<MetaClient, 'rebalanceView' | 'mayBegin'>;
  readonly view: ClusterView;
  readonly reader: FragmentReader;
  /** Of the thread. */
  readonly slices: WorkSlices;
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly router: Pick<WriteRouter, 'awaitFences'>;
  /** Nothing is carried out. */
  readonly isTrial?: boolean | undefined;
  /** Instead of `trash_retention_ms`. */
  readonly trashRetentionMs?: number | undefined;
}

/** Checked by the routes (http/routes/admin.ts). */
type Args = AdminCall['args'];
type Action = (args: Args, deadlineMs: number, by?: string) => Promise<unknown>;
type SetChange =
  | Omit<Extract<Command, {type: 'set-replica-set-failover'}>, 'set'>
  | Omit<Extract<Command, {type: 'pin-replica-set'}>, 'set'>;
type Read = (args: Args, context: ReadContext) => Promise<unknown>;

interface ReadContext {
  readonly deadlineMs: number;
  readonly isOwnCopy: boolean;
}

export class AdminService {
  readonly #deps: AdminServiceDeps;
  readonly #orders: OperationOrders;
  readonly #reads: Readonly<Record<string, Read>>;
  readonly #changes: Readonly<Record<string, Action>>;
  /** By this node's own copy of the catalog and the nodes it names: without the meta group. */
  readonly #direct: Readonly<Record<string, Action>>;

  constructor(deps: AdminServiceDeps) {
    this.#deps = deps;
    this.#orders = new OperationOrders(deps);
    const elections = new Elections(deps);
    const rests = new RestOrders(deps);
    const upgrades = new Upgrades(deps);
    const propose: TrashAdminDeps['propose'] = (command, deadlineMs) =>
      this.#propose(command, deadlineMs);
    const trash = new TrashAdmin({...deps, propose});
    const nodes = new NodeAdmin({
      ...deps,
      begin: (wanted, terms) => this.#begun(this.#orders.start(wanted, terms)),
      cancel: (id, deadlineMs, by) => this.#cancelOperation({id}, deadlineMs, by),
    });
    const stopped = new StoppedAdmin({...deps, propose, viewOf: ({id}) => this.#replicaSet({id})});
    this.#direct = {
      'candidate-list': async ({id}, deadlineMs): Promise<AdminRead> => ({
        value: await elections.candidates(id as ReplicaSetId, deadlineMs),
        isOwnCopy: true,
      }),
      'elect-replica': ({id, node}, deadlineMs) =>
        elections.elect(id as ReplicaSetId, node as NodeId, deadlineMs),
    };
    this.#reads = {
      status: (_args, {isOwnCopy}) => this.#status(isOwnCopy),
      'cluster-show': () => upgrades.show(),
      'cluster-catalog': async () => catalogFileOf(this.#catalog.snapshot()),
      'automation-show': async () => describeAutomation(this.#catalog, deps.clock.wallMs()),
      'node-list': () => nodes.list(),
      'node-ok-to-stop': (args) => rests.okToStop(args),
      'tenant-list': async () => this.#tenants(),
      'tenant-show': async (args) => this.#describeTenant(this.#tenant(args['name'])),
      'database-list': (args) => this.#databases(args),
      'database-show': async (args, {deadlineMs}) =>
        this.#describe(await this.#database(args, deadlineMs)),
      'cardinality-show': (args) => cardinalityFor(deps, args as unknown as CardinalityArgs),
      'replica-set-list': (args, {deadlineMs}) => this.#replicaSets(args, deadlineMs),
      'replica-set-show': async (args) => this.#replicaSet(args),
      'storage-show': (args, {deadlineMs}) => this.#storage(args, deadlineMs),
      'operation-list': () => viewAll(this.#viewing()),
      'operation-show': ({id}) => viewOne(id, this.#viewing()),
      'token-list': async () => listTokens(this.#catalog.tokens()),
      'recovery-plan': () => new Recovery(deps).plan(),
    };
    this.#changes = {
      'cluster-alter': (args, deadlineMs) => this.#alterCluster(args, deadlineMs),
      'cluster-upgrade-finalize': (_args, deadlineMs) => upgrades.finalize(deadlineMs),
      'automation-pause': (args, deadlineMs) => rests.setAutomation(args, true, deadlineMs),
      'automation-resume': (args, deadlineMs) => rests.setAutomation(args, false, deadlineMs),
      'node-maintenance': (args, deadlineMs) => rests.maintain(args, 'all', deadlineMs),
      'node-evacuate-leaders': (args, deadlineMs) => rests.maintain(args, 'leaders', deadlineMs),
      'tenant-create': (args, deadlineMs) => this.#createTenant(args, deadlineMs),
      'tenant-alter': (args, deadlineMs) => this.#alterTenant(args, deadlineMs),
      'tenant-drop': (args, deadlineMs) => trash.dropTenant(args, deadlineMs),
      'tenant-recover': (args, deadlineMs) => trash.recoverTenant(args, deadlineMs),
      'database-create': (args, deadlineMs) => this.#createDatabase(args, deadlineMs),
      'database-alter': (args, deadlineMs) => this.#alterDatabase(args, deadlineMs),
      'database-drop': (args, deadlineMs) => trash.dropDatabase(args, deadlineMs),
      'database-recover': (args, deadlineMs) => trash.recoverDatabase(args, deadlineMs),
      'failover-replica-set': (args, deadlineMs) => this.#setFailover(args, deadlineMs),
      'pin-replica-set': (args, deadlineMs) =>
        this.#alterSet(args, deadlineMs, {type: 'pin-replica-set', pinned: true}),
      'unpin-replica-set': (args, deadlineMs) => this.#unpin(args, deadlineMs),
      'retry-replica-set': (args, deadlineMs) => stopped.retry(this.#set(args), deadlineMs),
      'skip-entry': (args, deadlineMs, by = NAMELESS) => {
        const index = args['index'] as number;
        return stopped.skip(this.#set(args), {index, by}, deadlineMs);
      },
      'operation-cancel': (args, deadlineMs, by) => this.#cancelOperation(args, deadlineMs, by),
      ...this.#operations(),
      ...nodes.changes,
      'recovery-apply': (args) => new Recovery(deps).apply(args),
      ...tokenChanges(deps),
    };
  }

  /** Orders that are operations. */
  #operations(): Readonly<Record<string, Action>> {
    return {
      rebalance: (_args, deadlineMs, by) => this.#rebalance({deadlineMs, by}),
      'add-replica': (args, deadlineMs, by) =>
        this.#begun(this.#addReplica(args, {deadlineMs, by})),
      'remove-replica': (args, deadlineMs, by) =>
        this.#begun(this.#removeReplica(args, {deadlineMs, by})),
      'move-replica': (args, deadlineMs, by) =>
        this.#begun(this.#moveReplica(args, {deadlineMs, by})),
      'transfer-leader': (args, deadlineMs, by) =>
        this.#begun(this.#transferLeader(args, {deadlineMs, by})),
      'compact-replica-set': (args, deadlineMs, by) =>
        this.#work('compact', args, {deadlineMs, by}),
      'checksum-replica-set': (args, deadlineMs, by) =>
        this.#work('checksum', args, {deadlineMs, by}),
      'destroy-replica-set': (args, deadlineMs, by) =>
        this.#work('destroy-replica-set', args, {deadlineMs, by}),
      'operation-retry': (args, deadlineMs, by) => this.#retryOperation(args, {deadlineMs, by}),
    };
  }

  #rebalance(terms: OrderTerms): Promise<unknown> {
    return this.#begun(this.#orders.start({kind: 'rebalance'}, terms));
  }

  #setFailover(args: Args, deadlineMs: number): Promise<unknown> {
    const failover = args['mode'] as FailoverMode;
    return this.#alterSet(args, deadlineMs, {type: 'set-replica-set-failover', failover});
  }

  async #unpin(args: Args, deadlineMs: number): Promise<unknown> {
    await unpin(() => this.#set(args), {...this.#deps, deadlineMs});
    return this.#replicaSet(args);
  }

  /** An AdminRead for what only reads. */
  async run(call: AdminCall): Promise<unknown> {
    const {action, args, by, dryRun} = call;
    if (dryRun === true) return this.#try(call);
    const nowMs = this.#deps.clock.monotonicMs();
    const deadlineMs = nowMs + ADMIN_MS_MAX;
    const direct = this.#direct[action];
    if (direct !== undefined) return direct(args, deadlineMs);
    const read = this.#reads[action];
    if (read !== undefined) return this.#read(read, args, deadlineMs);
    const change = this.#changes[action];
    if (change === undefined) throw new DbError('UNSUPPORTED', `this node does not know ${action}`);
    // What the order names may have been made through another node a moment ago.
    await this.#deps.access.refresh(deadlineMs);
    return change(args, deadlineMs, by);
  }

  /** Some order that is no change of the catalog says itself what it would do. */
  async #try({action, args, by}: AdminCall): Promise<unknown> {
    const {access, clock, plans} = this.#deps;
    const deadlineMs = clock.monotonicMs() + ADMIN_MS_MAX;
    // Only the meta leader knows what the nodes carry.
    if (action === 'rebalance') return {dryRun: true, ...(await plans.rebalanceView({deadlineMs}))};
    if (this.#direct[action] === undefined) await access.refresh(deadlineMs);
    const answer = await new AdminService(trialOf(this.#deps)).run({action, args, by});
    return {dryRun: true, ...(answer as object)};
  }

  async #alterCluster(args: Args, deadlineMs: number): Promise<unknown> {
    const failover = args['failover'] as FailoverMode;
    await this.#propose({type: 'set-cluster', failover}, deadlineMs);
    const {id, failover: now} = this.#catalog.cluster!;
    return {id, failover: now};
  }

  async #read(read: Read, args: Args, deadlineMs: number): Promise<AdminRead> {
    const isOwnCopy = !(await this.#isRefreshed());
    return {value: await read(args, {deadlineMs, isOwnCopy}), isOwnCopy};
  }

  async #isRefreshed(): Promise<boolean> {
    const {access, clock} = this.#deps;
    try {
      await access.refresh(clock.monotonicMs() + REFRESH_MS_MAX);
      return true;
    } catch (error) {
      // Whatever kept the meta group from answering, the answer says that it did not.
      if (error instanceof DbError) return false;
      throw error;
    }
  }

  get #catalog(): Catalog {
    return this.#deps.access.catalog;
  }

  async #status(isOwnCopy: boolean): Promise<unknown> {
    const facts = await this.#deps.view.facts();
    const nowMs = this.#deps.clock.wallMs();
    const conditions = nodeConditions(facts, nowMs);
    const cluster = this.#catalog.cluster;
    const upgrade = upgradeNotice(this.#catalog, facts.nodes);
    return {
      ...verdictOf(facts),
      notices: [...noticesOf(this.#catalog, nowMs), ...(upgrade === undefined ? [] : [upgrade])],
      catalog: {version: this.#catalog.version, isCurrent: !isOwnCopy},
      cluster: {
        id: cluster?.id,
        version: this.#catalog.clusterVersion,
        replicaSets: facts.sets.length,
        replicas: facts.sets.reduce((sum, {replicas}) => sum + replicas.length, 0),
        databases: [...this.#catalog.databases()].filter(({dropped}) => dropped === undefined)
          .length,
      },
      metaLeader: facts.meta.leader,
      metaVoters: metaVoters(facts.meta),
      nodes: facts.nodes.map(({node, isReachable}) => ({
        id: node.id,
        address: node.address,
        state: node.state,
        condition: conditions.get(node.id),
        isReachable,
        isInsecure: node.isInsecure,
      })),
    };
  }

  #tenant(name: unknown): Tenant {
    const tenant = this.#catalog.tenantByName(String(name));
    if (tenant !== undefined) return tenant;
    throw new DbError('TENANT_NOT_FOUND', `tenant "${String(name)}" does not exist`);
  }

  #tenants(): unknown {
    return liveTenants(this.#catalog).map((tenant) => this.#describeTenant(tenant));
  }

  #describeTenant({id, name, comment}: Tenant): unknown {
    return {id, name, comment, databases: databasesOf(this.#catalog, id).length};
  }

  async #createTenant(args: Args, deadlineMs: number): Promise<unknown> {
    const {name, comment} = args as {name: string; comment?: string};
    const ifNotExists = args['ifNotExists'] === true;
    await this.#propose({type: 'create-tenant', name, comment, ifNotExists}, deadlineMs);
    return this.#describeTenant(this.#tenant(name));
  }

  async #alterTenant(args: Args, deadlineMs: number): Promise<unknown> {
    const {name, comment} = args as {name: string; comment: string};
    await this.#propose({type: 'alter-tenant', name, comment}, deadlineMs);
    return this.#describeTenant(this.#tenant(name));
  }

  async #databases(args: Args): Promise<unknown> {
    const mine = databasesOf(this.#catalog, this.#tenant(args['tenant']).id);
    return mine.map((database) => this.#describe(database));
  }

  #database(args: Args, deadlineMs: number): Promise<Database> {
    const name = {tenant: String(args['tenant']), database: String(args['name'])};
    return findDatabase(this.#deps.access, name, deadlineMs);
  }

  #describe({id, name, tenant, options}: Database): object {
    const {ttlMs, bucketDurationMs, shards, replicas, precision, failover, maxSeries} = options;
    return {
      id,
      name,
      tenant: this.#catalog.tenant(tenant)?.name,
      ttl: ttlMs === undefined ? null : durationText(ttlMs),
      bucketDuration: durationText(bucketDurationMs),
      shards,
      replicas,
      precision,
      failover,
      maxSeries: maxSeries ?? null,
      tables: this.#catalog.tableCount(id),
      buckets: this.#catalog.bucketCount(id),
    };
  }

  async #createDatabase(args: Args, deadlineMs: number): Promise<unknown> {
    const {tenant, name} = {tenant: String(args['tenant']), name: String(args['name'])};
    const ifNotExists = args['ifNotExists'] === true;
    await this.#propose(
      {type: 'create-database', tenant, name, ifNotExists, options: optionsOf(args)},
      deadlineMs,
    );
    return this.#describe(await this.#database(args, deadlineMs));
  }

  async #alterDatabase(args: Args, deadlineMs: number): Promise<unknown> {
    const {tenant, name} = {tenant: String(args['tenant']), name: String(args['name'])};
    const options = optionsOf(args);
    const before = await this.#database(args, deadlineMs);
    const {clock, trashRetentionMs} = this.#deps;
    const atMs = Math.floor(clock.wallMs());
    await this.#propose({type: 'alter-database', tenant, name, options, atMs}, deadlineMs);
    const after = await this.#database(args, deadlineMs);
    const terms = {nowMs: atMs, trashRetentionMs};
    return {...this.#describe(after), ...ttlChange(this.#catalog, {before, after}, terms)};
  }

  async #replicaSets(args: Args, deadlineMs: number): Promise<readonly ReplicaSetView[]> {
    if (args['db'] === undefined) return (await this.#deps.view.facts()).sets;
    const {id} = await this.#database({...args, name: args['db']}, deadlineMs);
    return (await this.#deps.view.facts((set) => set.database === id)).sets;
  }

  async #storage({tenant, db, set}: Args, deadlineMs: number): Promise<StorageReport> {
    const database =
      db === undefined ? undefined : await this.#database({tenant, name: db}, deadlineMs);
    const wanted = {database, set: set as ReplicaSetId | undefined};
    return readStorage(this.#catalog, wanted, this.#deps);
  }

  #replicaSet(args: Args): Promise<ReplicaSetView> {
    return this.#deps.view.replicaSet(this.#set(args));
  }

  #set(args: Args): ReplicaSet {
    return this.#orders.set(args['id'] as ReplicaSetId);
  }

  #addReplica(args: Args, terms: OrderTerms): Promise<Operation> {
    return this.#orders.addReplica(this.#set(args), args['node'] as NodeId, terms);
  }

  #removeReplica(args: Args, terms: OrderTerms): Promise<Operation> {
    const set = this.#set(args);
    const {node, replica} = args;
    if ((node === undefined) === (replica === undefined)) {
      throw new DbError(
        'INVALID_ARGUMENT',
        'name the replica to remove: either `node` or `replica`',
      );
    }
    const isNamed = node === undefined;
    const source = isNamed ? (replica as ReplicaId) : this.#orders.replicaOn(set, node as NodeId);
    const allowFewerVoters = args['allowFewerVoters'] === true;
    return this.#orders.removeReplica(set, source, {allowFewerVoters, ...terms});
  }

  #moveReplica(args: Args, terms: OrderTerms): Promise<Operation> {
    const set = this.#set(args);
    const source = this.#orders.replicaOn(set, args['from'] as NodeId);
    return this.#orders.moveReplica(set, {source, targetNode: args['to'] as NodeId}, terms);
  }

  #transferLeader(args: Args, terms: OrderTerms): Promise<Operation> {
    const set = this.#set(args);
    const target = this.#orders.replicaOn(set, args['to'] as NodeId);
    return this.#orders.transferLeader(set, target, terms);
  }

  async #alterSet(args: Args, deadlineMs: number, change: SetChange): Promise<unknown> {
    const {id: set} = this.#set(args);
    await this.#propose({...change, set}, deadlineMs);
    return this.#replicaSet(args);
  }

  async #begun(order: Promise<Operation>): Promise<unknown> {
    return {operation: viewBegun(await order, this.#viewing())};
  }

  #viewing(): OperationViewDeps {
    return {catalog: this.#catalog, view: this.#deps.view, nowMs: this.#deps.clock.wallMs()};
  }

  /** Nothing is placed by hand. */
  #work(kind: WholeSetKind, args: Args, terms: OrderTerms): Promise<unknown> {
    return this.#begun(this.#orders.ofWholeSet(kind, this.#set(args), terms));
  }

  #operation(args: Args): Operation {
    const id = args['id'] as OperationId;
    const operation = this.#catalog.operation(id);
    if (operation === undefined) throw new DbError('NOT_FOUND', `no operation ${id}`);
    return operation;
  }

  /** The same anew, of one that failed or was cancelled. */
  #retryOperation(args: Args, terms: OrderTerms): Promise<unknown> {
    const operation = this.#operation(args);
    const {id: retryOf, kind, state, replicaSet, source, sourceNode, targetNode} = operation;
    if (state !== 'failed' && state !== 'cancelled') {
      const text = `operation ${retryOf} is ${state}: only one that failed or was cancelled is tried again`;
      throw new DbError('CONFLICT', text);
    }
    // Whoever tries again may not know what it was, and nobody is asked a second time.
    if (kind === 'destroy-replica-set') {
      const text = `operation ${retryOf} was to destroy all rows of replica set ${replicaSet}, which is not begun anew from here: give the order again (flotilla replica-set destroy ${replicaSet} --yes)`;
      throw new DbError('CONFLICT', text);
    }
    const {allowFewerVoters, cause} = operation;
    const target = kind === 'transfer-leader' ? operation.target : undefined;
    const node = target === undefined ? targetNode : undefined;
    const subject = {kind, replicaSet, source, target, sourceNode, targetNode: node};
    // Where a person began it first it pins its set when it is done, and else never.
    const wanted = {...subject, allowFewerVoters, cause, pin: false, retryOf};
    return this.#begun(this.#orders.start(wanted, terms));
  }

  async #cancelOperation(args: Args, deadlineMs: number, by = NAMELESS): Promise<unknown> {
    const {id, step} = this.#operation(args);
    const atMs = this.#deps.clock.wallMs();
    const subject = {type: 'update-operation', operation: id, expectedStep: step} as const;
    await this.#propose({...subject, state: 'cancelling', by, atMs}, deadlineMs);
    return {operation: await viewOne(id, this.#viewing())};
  }

  async #propose<C extends Command>(command: C, deadlineMs: number): Promise<CommandValue<C>> {
    const value = await this.#deps.meta.propose(command, {deadlineMs});
    await this.#deps.access.refresh(deadlineMs);
    return value;
  }
}
