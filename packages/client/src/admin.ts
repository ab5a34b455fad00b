// The calls of an operator.

import {z} from 'zod';
import {
  type AutomationKind,
  Backup,
  type BackupWanted,
  Candidate,
  Cardinality,
  Decommission,
  type DropOptions,
  Entity,
  type FailoverMode,
  type Id,
  NewToken,
  Operation,
  RebalanceView,
  type RecoveredSet,
  type RecoverOptions,
  RecoveryOutcome,
  RecoveryPlan,
  ReplicaSet,
  type ReplicaSetChange,
  Status,
  StopAnswer,
  Storage,
  Token,
} from './admin-answers.ts';
import type {Call, CallOptions, ChangeOptions, TextReply} from './call.ts';
import type {ExchangeRequest} from './exchange.ts';

interface Sender {
  sendForText(call: Call): Promise<TextReply>;
  timeoutMs(options: CallOptions): number;
}

export class AdminClient {
  readonly #sender: Sender;
  constructor(sender: Sender) {
    this.#sender = sender;
  }

  async status(options: CallOptions = {}): Promise<Status> {
    return Status.parse(await this.#get('/status', options));
  }

  async cluster(options: CallOptions = {}): Promise<Entity> {
    return Entity.parse(await this.#get('/cluster', options));
  }

  /** The whole catalog as the node has it, as `recover meta --catalog` takes it from a file. */
  async catalog(options: CallOptions = {}): Promise<Entity> {
    return Entity.parse(await this.#get('/cluster/catalog', options));
  }

  /** 'manual': no replica of any set stands for election by itself; the meta group's always do. */
  async alterCluster(
    changes: {readonly failover: FailoverMode},
    options: ChangeOptions = {},
  ): Promise<Entity> {
    return Entity.parse(await this.#change('PATCH', '/cluster', changes, options));
  }

  /** From then on what is new with the nodes' build is used, and no node may go back to the one before. */
  async finalizeUpgrade(options: ChangeOptions = {}): Promise<Entity> {
    return Entity.parse(
      await this.#change('POST', '/cluster/upgrade/finalize', undefined, options),
    );
  }

  /** Of each kind its state, and since when and until when it is paused. */
  async automation(options: CallOptions = {}): Promise<Entity> {
    return Entity.parse(await this.#get('/automation', options));
  }

  /** `for` is a duration, as `2h`; without it, until it is resumed. Operations that run go on. */
  async pauseAutomation(
    pause: {readonly what?: AutomationKind | undefined; readonly for?: string | undefined},
    options: ChangeOptions = {},
  ): Promise<Entity> {
    return this.#change('POST', '/automation/pause', pause, options);
  }

  async resumeAutomation(what: AutomationKind, options: ChangeOptions = {}): Promise<Entity> {
    return this.#change('POST', '/automation/resume', {what}, options);
  }

  /** Whether these nodes can be stopped together, and which sets would lose their majority. */
  async okToStop(nodes: readonly Id[], options: CallOptions = {}): Promise<StopAnswer> {
    const query = nodes.map((id) => encodeURIComponent(id)).join(',');
    return StopAnswer.parse(await this.#get(`/nodes/ok-to-stop?nodes=${query}`, options));
  }

  /** For a while it leads nothing that another can lead, and is not repaired while it is away. */
  async maintainNode(
    id: Id,
    wanted: {readonly for?: string | undefined} | {readonly end: true},
    options: ChangeOptions = {},
  ): Promise<Entity> {
    return this.#change('POST', `/nodes/${encodeURIComponent(id)}/maintenance`, wanted, options);
  }

  /** Its leads go to others, and none comes back for a while. */
  async evacuateLeaders(
    id: Id,
    wanted: {readonly for?: string | undefined} = {},
    options: ChangeOptions = {},
  ): Promise<Entity> {
    const path = `/nodes/${encodeURIComponent(id)}/evacuate-leaders`;
    return this.#change('POST', path, wanted, options);
  }

  /** Without the tokens themselves: nobody keeps those. */
  async tokens(options: CallOptions = {}): Promise<Token[]> {
    return listOf(Token, await this.#get('/tokens', options), 'tokens');
  }

  /** The answer alone holds the token; that of a dry run holds none. */
  async createToken(name: string, options: ChangeOptions = {}): Promise<NewToken> {
    return NewToken.parse(await this.#change('POST', '/tokens', {name}, options));
  }

  async revokeToken(name: string, options: ChangeOptions = {}): Promise<void> {
    await this.#change('DELETE', `/tokens/${encodeURIComponent(name)}`, undefined, options);
  }

  async nodes(options: CallOptions = {}): Promise<Entity[]> {
    return listOf(Entity, await this.#get('/nodes', options), 'nodes');
  }

  /** Takes all replicas off the node, while the load goes on. Rejects with CONFLICT where they have no place. */
  async drainNode(id: Id, options: ChangeOptions = {}): Promise<Operation> {
    const path = `/nodes/${encodeURIComponent(id)}/drain`;
    const answer = await this.#change('POST', path, undefined, options);
    return Operation.parse(answer['operation'] ?? answer);
  }

  /** Lets it take replicas again; a drain that is under way is cancelled. */
  async undrainNode(id: Id, options: ChangeOptions = {}): Promise<Entity> {
    const path = `/nodes/${encodeURIComponent(id)}/undrain`;
    return Entity.parse(await this.#change('POST', path, undefined, options));
  }

  /**
   * Takes the node off the list for ever: by an operation that empties it first; one that is gone and holds nothing
   * at once. Rejects with NO_PLACE where its replicas have no other node to go to.
   */
  async decommissionNode(id: Id, options: ChangeOptions = {}): Promise<Decommission> {
    const path = `/nodes/${encodeURIComponent(id)}/decommission`;
    return Decommission.parse(await this.#change('POST', path, undefined, options));
  }

  /** Starts to even out leads and replicas over the nodes; `operation(id)` says how far it is. */
  async rebalance(options: ChangeOptions = {}): Promise<Operation> {
    const answer = await this.#change('POST', '/rebalance', undefined, options);
    return Operation.parse(answer['operation'] ?? answer);
  }

  /** What that would do now. */
  async rebalanceView(options: CallOptions = {}): Promise<RebalanceView> {
    const asked = {...options, dryRun: true};
    return RebalanceView.parse(await this.#change('POST', '/rebalance', undefined, asked));
  }

  async tenants(options: CallOptions = {}): Promise<Entity[]> {
    return listOf(Entity, await this.#get('/tenants', options), 'tenants');
  }

  async tenant(name: string, options: CallOptions = {}): Promise<Entity> {
    return Entity.parse(await this.#get(`/tenants/${encodeURIComponent(name)}`, options));
  }

  async createTenant(
    definition: {
      readonly name: string;
      readonly comment?: string | undefined;
      readonly ifNotExists?: boolean | undefined;
    },
    options: ChangeOptions = {},
  ): Promise<Entity> {
    return this.#change('POST', '/tenants', definition, options);
  }

  async alterTenant(
    name: string,
    changes: {readonly comment: string},
    options: ChangeOptions = {},
  ): Promise<Entity> {
    return this.#change('PATCH', `/tenants/${encodeURIComponent(name)}`, changes, options);
  }

  /** Refused while it holds a database that is not dropped. It waits in the trash. */
  async dropTenant(name: string, options: DropOptions = {}): Promise<Entity> {
    const path = `/tenants/${encodeURIComponent(name)}${query({after: options.after})}`;
    return this.#change('DELETE', path, undefined, options);
  }

  /** The one of that name that was dropped last. Its databases are recovered after it, each by itself. */
  async recoverTenant(name: string, options: RecoverOptions = {}): Promise<Entity> {
    const path = `/tenants/${encodeURIComponent(name)}/recover`;
    return this.#change('POST', path, {as: options.as}, options);
  }

  async databases(options: CallOptions = {}): Promise<Entity[]> {
    return listOf(Entity, await this.#get(`/databases${scope(options)}`, options), 'databases');
  }

  async database(name: string, options: CallOptions = {}): Promise<Entity> {
    const path = `/databases/${encodeURIComponent(name)}${scope(options)}`;
    return Entity.parse(await this.#get(path, options));
  }

  /** Its tables with most series, its tags with most values, its values with most series. */
  async cardinality(
    database: string,
    {
      table,
      limit,
      ...options
    }: CallOptions & {
      readonly table?: string | undefined;
      /** Of each list. */
      readonly limit?: number | undefined;
    } = {},
  ): Promise<Cardinality> {
    const {tenant} = options;
    const asked = query({tenant, db: database, table, limit: limit?.toString()});
    return Cardinality.parse(await this.#get(`/cardinality${asked}`, options));
  }

  /** What lies on disks and in memory: of all, of a database, or of one replica set. */
  async storage({
    set,
    ...options
  }: CallOptions & {readonly set?: Id | undefined} = {}): Promise<Storage> {
    const {tenant, database: db} = options;
    const asked = query({tenant, db, set: set?.toString()});
    return Storage.parse(await this.#get(`/storage${asked}`, options));
  }

  async createDatabase(
    definition: {readonly name: string} & Readonly<Record<string, unknown>>,
    options: ChangeOptions = {},
  ): Promise<Entity> {
    return this.#change('POST', `/databases${scope(options)}`, definition, options);
  }

  async alterDatabase(
    name: string,
    changes: Readonly<Record<string, unknown>>,
    options: ChangeOptions = {},
  ): Promise<Entity> {
    const path = `/databases/${encodeURIComponent(name)}${scope(options)}`;
    return this.#change('PATCH', path, changes, options);
  }

  async dropDatabase(name: string, options: DropOptions = {}): Promise<Entity> {
    const {tenant, after} = options;
    const path = `/databases/${encodeURIComponent(name)}${query({tenant, after})}`;
    return this.#change('DELETE', path, undefined, options);
  }

  /** The one of that name that was dropped last, with its rows. */
  async recoverDatabase(name: string, options: RecoverOptions = {}): Promise<Entity> {
    const path = `/databases/${encodeURIComponent(name)}/recover${scope(options)}`;
    return this.#change('POST', path, {as: options.as}, options);
  }

  async replicaSets(options: CallOptions = {}): Promise<ReplicaSet[]> {
    const path =
      options.database === undefined ? '/replica-sets' : `/replica-sets${scope(options, 'db')}`;
    return listOf(ReplicaSet, await this.#get(path, options), 'replicaSets');
  }

  async replicaSet(id: Id, options: CallOptions = {}): Promise<ReplicaSet> {
    return ReplicaSet.parse(await this.#get(`/replica-sets/${encodeURIComponent(id)}`, options));
  }

  /** Who could lead it, asked of its nodes alone, without the meta group. */
  async candidates(id: Id, options: CallOptions = {}): Promise<Candidate[]> {
    const path = `/replica-sets/${encodeURIComponent(id)}/candidates`;
    return listOf(Candidate, await this.#get(path, options), 'candidates');
  }

  /** Starts the operation and returns at once; `operation(id)` says how far it is. */
  async changeReplicaSet(
    id: Id,
    change: ReplicaSetChange,
    options: ChangeOptions = {},
  ): Promise<Operation> {
    const {action, ...body} = change;
    const path = `/replica-sets/${encodeURIComponent(id)}/${action}`;
    const answer = await this.#change('POST', path, body, options);
    return Operation.parse(answer['operation'] ?? answer);
  }

  /**
   * Lets the replica on that node stand for election, which none does by itself under manual failover.
   * Rejects with CONFLICT, which says why, where it was not elected.
   */
  async electReplica(id: Id, node: Id, options: ChangeOptions = {}): Promise<ReplicaSet> {
    const path = `/replica-sets/${encodeURIComponent(id)}/elect`;
    return ReplicaSet.parse(await this.#change('POST', path, {node}, options));
  }

  /** 'manual' holds whatever its database says; 'automatic' leaves it to that and the cluster. */
  async setFailover(id: Id, mode: FailoverMode, options: ChangeOptions = {}): Promise<ReplicaSet> {
    const path = `/replica-sets/${encodeURIComponent(id)}/failover`;
    return ReplicaSet.parse(await this.#change('POST', path, {mode}, options));
  }

  /** A pinned set is left out when nodes are evened out; a change by hand pins it. */
  async pinReplicaSet(id: Id, pinned: boolean, options: ChangeOptions = {}): Promise<ReplicaSet> {
    const path = `/replica-sets/${encodeURIComponent(id)}/${pinned ? 'pin' : 'unpin'}`;
    return ReplicaSet.parse(await this.#change('POST', path, undefined, options));
  }

  /** Its replicas that have stopped are opened anew; the answer shows which have stopped again. */
  async retryReplicaSet(id: Id, options: ChangeOptions = {}): Promise<ReplicaSet> {
    const path = `/replica-sets/${encodeURIComponent(id)}/retry`;
    return ReplicaSet.parse(await this.#change('POST', path, undefined, options));
  }

  /** All its replicas pass over the entry, which none of them can apply; what it said is lost. */
  async skipEntry(id: Id, index: number, options: ChangeOptions = {}): Promise<ReplicaSet> {
    const path = `/replica-sets/${encodeURIComponent(id)}/skip-entry`;
    return ReplicaSet.parse(await this.#change('POST', path, {index}, options));
  }

  /** Which replica sets have lost their majority, and what is left of each. Without the meta group too. */
  async recoveryPlan(options: CallOptions = {}): Promise<RecoveryPlan> {
    return RecoveryPlan.parse(await this.#get('/recovery', options));
  }

  /** Declares nodes lost for ever and lets what is left go on. Rejects with CONFLICT where one of them answers. */
  async applyRecovery(
    plan: {
      readonly cluster: string;
      readonly lost: readonly number[];
      readonly sets: readonly RecoveredSet[];
    },
    options: ChangeOptions = {},
  ): Promise<RecoveryOutcome> {
    return RecoveryOutcome.parse(await this.#change('POST', '/recovery', plan, options));
  }

  /** Begins it and returns at once; `backup` says how far it is. */
  async createBackup(wanted: BackupWanted, options: CallOptions = {}): Promise<Backup> {
    const answer = await this.#change('POST', '/backups', wanted, options);
    return Backup.parse(answer['backup']);
  }

  /** In a directory that the asked node sees. */
  async backups(directory: string, options: CallOptions = {}): Promise<Backup[]> {
    return listOf(Backup, await this.#get(`/backups${query({directory})}`, options), 'backups');
  }

  /** Undefined: there is none of that id. */
  async backup(
    directory: string,
    id: string,
    options: CallOptions = {},
  ): Promise<Backup | undefined> {
    const path = `/backups${query({directory, id})}`;
    return listOf(Backup, await this.#get(path, options), 'backups')[0];
  }

  async operations(options: CallOptions = {}): Promise<Operation[]> {
    return listOf(Operation, await this.#get('/operations', options), 'operations');
  }

  async operation(id: Id, options: CallOptions = {}): Promise<Operation> {
    const answer = await this.#get(`/operations/${encodeURIComponent(id)}`, options);
    return Operation.parse((answer as {operation?: unknown}).operation ?? answer);
  }

  /** Back to where it was before its change of members, on to its end after it. */
  async cancelOperation(id: Id, options: CallOptions = {}): Promise<Operation> {
    return this.#operation(`/operations/${encodeURIComponent(id)}/cancel`, options);
  }

  /** The same anew, of one that failed or was cancelled; another operation with an id of its own. */
  async retryOperation(id: Id, options: CallOptions = {}): Promise<Operation> {
    return this.#operation(`/operations/${encodeURIComponent(id)}/retry`, options);
  }

  /** Merges the parts of each of its replicas, one replica after the other. */
  async compactReplicaSet(id: Id, options: CallOptions = {}): Promise<Operation> {
    return this.#operation(`/replica-sets/${encodeURIComponent(id)}/compact`, options);
  }

  /** Compares its replicas at one index of their log; one that differs is made anew. */
  async checksumReplicaSet(id: Id, options: CallOptions = {}): Promise<Operation> {
    return this.#operation(`/replica-sets/${encodeURIComponent(id)}/checksum`, options);
  }

  /**
   * All of its rows go, for ever and at once, and an empty set takes its place: no trash keeps them. Done once
   * writes to the place go on.
   */
  async destroyReplicaSet(id: Id, options: ChangeOptions = {}): Promise<Operation> {
    return this.#operation(`/replica-sets/${encodeURIComponent(id)}/destroy`, options);
  }

  async #operation(path: string, options: CallOptions): Promise<Operation> {
    const answer = await this.#change('POST', path, undefined, options);
    return Operation.parse(answer['operation'] ?? answer);
  }

  /** Writes every memtable of the asked node into parts; answers when done. */
  async flushStorage(options: CallOptions = {}): Promise<void> {
    await this.#change('POST', '/storage/flush', undefined, options);
  }

  /** Merges every replica's parts of the asked node as far as they go; answers when done. */
  async compactStorage(options: CallOptions = {}): Promise<void> {
    await this.#change('POST', '/storage/compact', undefined, options);
  }

  async #get(path: string, options: CallOptions): Promise<unknown> {
    return this.#json({
      ...this.#call(path, options),
      method: 'GET',
      isRepeatable: true,
      isRead: true,
      isSoonAnswered: true,
    });
  }

  /** On a fresh connection: a kept one that the node is closing would leave the outcome unknown. */
  async #change(
    method: ExchangeRequest['method'],
    path: string,
    body: unknown,
    options: ChangeOptions,
  ): Promise<Entity> {
    const mark = path.includes('?') ? '&' : '?';
    const asked = options.dryRun === true ? `${path}${mark}dry_run=true` : path;
    const call = {...this.#call(asked, options), method, isRepeatable: false, fresh: true};
    if (body === undefined) return Entity.parse((await this.#json(call)) ?? {});
    const headers = {...call.headers, 'content-type': 'application/json'};
    const bytes = Buffer.from(JSON.stringify(body), 'utf8');
    return Entity.parse((await this.#json({...call, headers, body: bytes})) ?? {});
  }

  #call(path: string, options: CallOptions) {
    const timeoutMs = this.#sender.timeoutMs(options);
    return {
      path: `/admin/v1${path}`,
      headers: {accept: 'application/json'},
      timeoutMs,
      silenceMsMax: timeoutMs,
      signal: options.signal,
    };
  }

  async #json(call: Call): Promise<unknown> {
    const {text} = await this.#sender.sendForText(call);
    return text.trim() === '' ? undefined : JSON.parse(text);
  }
}

/** A list stands alone or under its name; both are read. */
function listOf<Schema extends z.ZodType>(
  schema: Schema,
  answer: unknown,
  key: string,
): z.infer<Schema>[] {
  const list = Array.isArray(answer)
    ? answer
    : (answer as Record<string, unknown> | undefined)?.[key];
  return z.array(schema).parse(list);
}

function scope({tenant, database}: CallOptions, databaseKey?: string): string {
  return query(databaseKey === undefined ? {tenant} : {tenant, [databaseKey]: database});
}

function query(given: Readonly<Record<string, string | undefined>>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) params.set(name, value);
  }
  return params.size === 0 ? '' : `?${params}`;
}
