// A value that is another one in one replica than in the others, as a mistake of ours or of a machine would
// leave it: the replica applies an entry to a row wrongly, and again whenever it applies it anew. A checksum
// must name that replica and no other, and it is made anew of those that hold the right value. The rows are
// of a database that clients leave alone, each written once.

import type {NodeId, OperationId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {type Catalog, isFinished, maintenanceOf, type Operation} from '@flotilla/catalog';
import {decodeShare, encodeShare, type ShareTable} from '@flotilla/column';
import type {StateMachine} from '@flotilla/multiraft';
import {decodeCommand, ReplicaMachine, type WriteApplied} from '@flotilla/replica';
import {repeat} from '../kernel/repeat.ts';
import {someEngine} from './clients.ts';
import type {Engine} from './engine.ts';
import type {OrderPorts} from './order-ports.ts';
import {batchOf, databaseNamed, find, type Register, SLOT_MS, TENANT} from './registers.ts';
import {leaderOf, newestCatalog} from './rest.ts';
import {rowAt} from './row-read.ts';

const NAME = 'checked';
const WRITE_MS = 2_000;
const CHANGE_MS = 25_000;
const CHECK_MS = 10_000;
const LOOK_MS = 1_000;
const DEADLINE_MS = 4_000;
/** Added to what was written. */
const WRONG_BY = 0.25;

interface Row {
  readonly register: Register;
  readonly value: number;
}

interface Change {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly index: number;
  readonly value: number;
  /** The newest operation when it was made. */
  readonly after: number;
}

export class ChangedValues {
  readonly #ports: OrderPorts;
  isStopped = false;
  readonly #rows: Row[] = [];
  /** Those that were not read back yet. */
  #unread: Set<Row> | undefined;
  readonly #slotMs: number;
  #lastSeries = 0;
  #armed: {readonly set: ReplicaSetId; readonly replica: ReplicaId} | undefined;
  /** What each replica applies wrongly, for ever. */
  readonly #changes = new Map<ReplicaId, Change>();
  readonly #open = new Set<Change>();
  /** Of these sets nobody can say any more who is right. */
  readonly #spread = new Set<ReplicaSetId>();
  /** Of them, since peace: all replicas were found to be alike. */
  readonly #alike = new Set<ReplicaSetId>();
  #version = 0;
  readonly #judged = new Set<OperationId>();
  /** By repair, the replica that it makes, which holds the wrong value, too. */
  readonly #wrongCopies = new Map<OperationId, ReplicaId>();
  readonly #checkedAt = new Map<ReplicaSetId, number>();

  constructor(ports: OrderPorts) {
    this.#ports = ports;
    this.#slotMs = Math.floor(ports.wallMs() / SLOT_MS) * SLOT_MS;
  }

  start(): void {
    this.#create();
    this.#repeat(WRITE_MS, () => this.#write());
    this.#repeat(CHANGE_MS, () => this.#arm());
    this.#repeat(CHECK_MS, () => {
      for (const {set} of this.#open) this.#check(set);
    });
    this.#look();
  }

  /** Before anybody else hears what a machine applied. */
  watch(set: ReplicaSetId, replica: ReplicaId, machine: StateMachine): void {
    if (!(machine instanceof ReplicaMachine)) return;
    const apply = machine.apply.bind(machine);
    machine.apply = (index, term, payload) => {
      const known = this.#changes.get(replica);
      const isAgain = known?.index === index;
      const isNow = this.#armed?.replica === replica && known === undefined;
      const wrong = isAgain || isNow ? changed(payload) : undefined;
      if (wrong === undefined) return apply(index, term, payload);
      const result = apply(index, term, wrong.payload);
      const {status} = result.value as WriteApplied;
      if (isNow && status === 'applied')
        this.#changed({set, replica, index, value: wrong.value, after: this.#newestOperation()});
      return result;
    };
    const install = machine.install.bind(machine);
    machine.install = async (staged) => {
      await install(staged);
      for (const change of this.#open)
        if (change.set === set) this.#lookInto(machine, replica, change);
    };
  }

  /** One step towards rest; what keeps from it. */
  settle(catalog: Catalog): string[] {
    this.#armed = undefined;
    const database = databaseNamed(catalog, NAME);
    if (database === undefined) {
      this.#create();
      return [`database ${NAME} is not there`];
    }
    const all = [...this.#open].map(({replica, set}) => {
      this.#decide(catalog, set);
      return `replica ${replica} of set ${set} holds a wrong value`;
    });
    for (const set of this.#spread) {
      if (this.#alike.has(set)) continue;
      this.#decide(catalog, set);
      all.push(`replicas of set ${set} hold different values`);
    }
    if (all.length > 0) return all;
    this.#unread ??= new Set(this.#rows);
    const [row] = this.#unread;
    if (row === undefined) return [];
    for (const one of [...this.#unread].slice(0, 20)) this.#readBack(one);
    return [`${this.#unread.size} rows of ${NAME} were not read back`];
  }

  /** By an operator: nothing is made anew on a node in maintenance, and here no other node may be left for it. */
  #endMaintenance(catalog: Catalog, id: NodeId): void {
    const node = catalog.node(id);
    if (node === undefined || maintenanceOf(node, this.#ports.wallMs())?.scope !== 'all') return;
    const ended = {untilMs: 0, scope: 'all' as const};
    const command = {type: 'set-maintenance' as const, node: node.id, maintenance: ended};
    this.#ports.order(command, 'maintenance ended for a replica that differs');
  }

  #decide(catalog: Catalog, set: ReplicaSetId): void {
    for (const {node} of catalog.replicaSet(set)?.replicas ?? [])
      this.#endMaintenance(catalog, node);
    if (isDecidable(catalog, set)) this.#check(set);
    else this.#addReplica(catalog, set);
  }

  /** By an operator, who left it too few voters to say who is right. */
  #addReplica(catalog: Catalog, replicaSet: ReplicaSetId): void {
    const holders = catalog.replicaSet(replicaSet)?.replicas.map(({node}) => node) ?? [];
    const free = [...catalog.nodes()].filter(
      ({id, state}) => state === 'active' && !holders.includes(id),
    );
    if (free.length === 0 || catalog.operationOf(replicaSet) !== undefined) return;
    const {id: targetNode} = this.#ports.chance.pick(free);
    const wish = {kind: 'add-replica' as const, replicaSet, targetNode, startedBy: 'operator'};
    const command = {type: 'create-operation' as const, ...wish, atMs: this.#ports.wallMs()};
    this.#ports.order(command, 'replica added to tell who is wrong');
  }

  #repeat(meanMs: number, act: () => void): void {
    repeat(this.#ports, {meanMs, isOver: () => this.isStopped}, act);
  }

  #counted(what: string, work: Promise<unknown>): void {
    this.#ports.coverage.countEnd(`changed values:${what}`, work);
  }

  #create(): void {
    const engine = someEngine(this.#ports);
    if (engine === undefined) return;
    const options = {bucketDurationMs: SLOT_MS, precision: 'ms' as const, replicas: 3, shards: 1};
    const command = {type: 'create-database' as const, name: NAME, ifNotExists: true, options};
    const deadlineMs = engine.nowMs + 2 * DEADLINE_MS;
    this.#counted('create', engine.parts!.meta.propose({...command, ...TENANT}, {deadlineMs}));
  }

  #write(): void {
    const engine = someEngine(this.#ports);
    const database = engine && databaseNamed(engine.catalog!, NAME);
    if (engine === undefined || database === undefined) return;
    const series = ++this.#lastSeries;
    const register = {database: NAME, table: 't0', slotMs: this.#slotMs, series};
    const row = {register, value: series};
    const written = engine.parts!.router.write({
      ...{database: database.id, batch: batchOf([row]), acceptPartial: true, lineText: () => ''},
      deadlineMs: engine.nowMs + DEADLINE_MS,
    });
    const kept = written.then(({writtenRows}) => {
      if (writtenRows === 1) this.#rows.push(row);
    });
    this.#counted('write', kept);
  }

  /** One at a time, where all replicas are there to say what is right. */
  #arm(): void {
    const {chance, nodes, coverage} = this.#ports;
    const catalog = newestCatalog(nodes);
    const database = catalog && databaseNamed(catalog, NAME);
    if (catalog === undefined || database === undefined || this.#open.size > 0) return;
    const sets = catalog.buckets(database.id).flatMap(({replicaSets}) => replicaSets);
    const all = sets.map((id) => catalog.replicaSet(id)!);
    const whole = all.filter(
      ({id, replicas, state}) =>
        state === 'open' &&
        !this.#spread.has(id) &&
        replicas.length >= 3 &&
        replicas.every(({node, replica, role}) => {
          const status = nodes[node - 1]?.host?.status(id);
          return role === 'voter' && status?.replica === replica && status.stopped === undefined;
        }),
    );
    if (whole.length === 0) return;
    const {id: set, replicas} = chance.pick(whole);
    const leader = leaderOf(nodes, set)?.replica;
    const isOfLeader = chance.odds(0.3);
    const {replica} = chance.pick(replicas.filter((one) => isOfLeader || one.replica !== leader));
    this.#armed = {set, replica};
    coverage.count('changed values:about to be');
  }

  #changed(change: Change): void {
    const {kernel, coverage} = this.#ports;
    this.#armed = undefined;
    this.#changes.set(change.replica, change);
    this.#open.add(change);
    coverage.count('changed values:changed');
    kernel.note(0, change.set, () => `replica ${change.replica} applies ${change.index} wrongly`);
  }

  #newestOperation(): number {
    const catalog = newestCatalog(this.#ports.nodes);
    return Math.max(0, ...[...(catalog?.operations() ?? [])].map(({id}) => id));
  }

  #check(replicaSet: ReplicaSetId): void {
    const catalog = newestCatalog(this.#ports.nodes);
    if (catalog === undefined || catalog.operationOf(replicaSet) !== undefined) return;
    const wish = {kind: 'checksum' as const, replicaSet, startedBy: 'operator'};
    const command = {type: 'create-operation' as const, ...wish, atMs: this.#ports.wallMs()};
    this.#ports.order(command, 'checksum after a change');
  }

  /** A snapshot took the place of what a replica held. */
  #lookInto(machine: ReplicaMachine, replica: ReplicaId, change: Change): void {
    const {coverage} = this.#ports;
    const catalog = newestCatalog(this.#ports.nodes);
    const register = {...this.#registerOf(change)};
    const address = catalog && find(catalog, register)?.address;
    if (address === undefined) return;
    this.#counted(
      'look into a snapshot',
      rowAt(machine, address).then((value) => {
        if (value === change.value && replica === change.replica)
          this.#close(change, 'overwritten');
        if (value !== change.value + WRONG_BY || replica === change.replica) return;
        const rebuilding = rebuildingOf(catalog!, change, replica);
        if (rebuilding !== undefined) {
          // It was elected again, and sent it before anybody knew: the copy has to be given up.
          coverage.count('changed values:sent to its successor');
          this.#wrongCopies.set(rebuilding, replica);
          return;
        }
        coverage.count('changed values:spread by a snapshot');
        this.#spread.add(change.set);
        this.#close(change, 'given up');
      }),
    );
  }

  #registerOf({value}: Change): Register {
    return {database: NAME, table: 't0', slotMs: this.#slotMs, series: value};
  }

  #close(change: Change, how: string): void {
    if (this.#open.delete(change)) this.#ports.coverage.count(`changed values:${how}`);
  }

  #look(): void {
    const {kernel, nodes} = this.#ports;
    kernel.after(LOOK_MS, () => {
      this.#look();
      const catalog = newestCatalog(nodes);
      // Whoever knew more may just have ended.
      if (catalog === undefined || catalog.version < this.#version) return;
      this.#version = catalog.version;
      for (const operation of catalog.operations()) {
        if (operation.kind !== 'checksum' || !isFinished(operation)) continue;
        if (this.#judged.has(operation.id)) continue;
        this.#judged.add(operation.id);
        this.#judge(operation);
      }
      for (const [id, replica] of this.#wrongCopies) this.#judgeCopy(catalog, id, replica);
      this.#countRoutine(catalog);
      for (const change of this.#open) {
        const placed = catalog.replicaSet(change.set)?.replicas;
        if (placed?.some(({replica}) => replica === change.replica) === false)
          this.#close(change, 'made anew');
      }
    });
  }

  #judgeCopy(catalog: Catalog, id: OperationId, replica: ReplicaId): void {
    const operation = catalog.operation(id);
    if (operation !== undefined && !isFinished(operation)) return;
    this.#wrongCopies.delete(id);
    if (operation?.state === 'done' && operation.target === replica)
      this.#ports.fail('checksums', `replica ${replica}, made anew, keeps a wrong value`);
    else this.#ports.coverage.count('changed values:wrong copy given up');
  }

  /** Those that find nothing leave no operation behind. */
  #countRoutine(catalog: Catalog): void {
    for (const {id, checksumAtMs = 0} of catalog.replicaSets()) {
      if ((this.#checkedAt.get(id) ?? 0) >= checksumAtMs) continue;
      this.#checkedAt.set(id, checksumAtMs);
      this.#ports.coverage.count('changed values:sets compared');
    }
  }

  #judge({id, replicaSet: set, differing, error, result, state}: Operation): void {
    const {coverage, fail} = this.#ports;
    coverage.count(`checksums:${differing === undefined ? state : 'found a difference'}`);
    if (this.#spread.has(set!)) {
      if (this.isStopped && state === 'done' && differing === undefined) this.#alike.add(set!);
      return;
    }
    for (const replica of differing ?? [])
      if (!this.#changes.has(replica)) fail('checksums', `operation ${id}: ${result}`);
    const hashes = new Set([...(error ?? '').matchAll(/ has (\w+)/g)].map(([, hash]) => hash));
    const open = [...this.#open].find((change) => change.set === set);
    const isExplained = [...this.#changes.values()].some((change) => change.set === set);
    if (hashes.size > 1 && !isExplained) fail('checksums', `operation ${id}: ${error}`);
    // All were asked after the change, and nobody was found to be wrong.
    if (open === undefined || id <= open.after || state !== 'done' || differing !== undefined)
      return;
    if (result?.includes('could not be asked') !== false) return;
    this.#mustBeRight(open, id);
  }

  /** Unless a snapshot took its place, it was not found. */
  #mustBeRight(change: Change, operation: OperationId): void {
    const {nodes, fail} = this.#ports;
    const machine = nodes
      .filter(({host}) => host?.status(change.set)?.replica === change.replica)
      .map(({host}) => host!.stateMachine(change.set))[0];
    const catalog = newestCatalog(nodes);
    const address = catalog && find(catalog, this.#registerOf(change))?.address;
    if (!(machine instanceof ReplicaMachine) || address === undefined) return;
    this.#counted(
      'look after a checksum',
      rowAt(machine, address).then((value) => {
        if (value === change.value + WRONG_BY && this.#open.has(change))
          fail('checksums', `operation ${operation} did not find replica ${change.replica}`);
      }),
    );
  }

  #readBack(row: Row): void {
    const engine = someEngine(this.#ports);
    if (engine === undefined) return;
    this.#counted('read back', this.#read(engine, row));
  }

  async #read(engine: Engine, row: Row): Promise<void> {
    const {copy} = engine.parts!;
    await copy.refresh(engine.nowMs + DEADLINE_MS);
    const found = find(copy.catalog, row.register);
    const reading = found && (await engine.readRow(found.set, found.address, undefined));
    const isLost = reading?.value !== row.value;
    if (isLost && (found === undefined || !this.#spread.has(found.set)))
      this.#ports.fail(
        'checksums',
        `row ${row.value} is ${reading?.value} after all was made anew`,
      );
    this.#unread!.delete(row);
  }
}

/** Two can agree against one. With fewer a checksum would only hold up who is to be added. */
function isDecidable(catalog: Catalog, set: ReplicaSetId): boolean {
  const placed = catalog.replicaSet(set)?.replicas ?? [];
  return placed.filter(({role}) => role === 'voter').length >= 3;
}

/** The set's repair of the changed replica makes this one. */
function rebuildingOf(
  catalog: Catalog,
  change: Change,
  replica: ReplicaId,
): OperationId | undefined {
  const {id, kind, source, target} = catalog.operationOf(change.set) ?? {};
  return kind === 'repair' && source === change.replica && target === replica ? id : undefined;
}

/** Undefined where it is no write of a row here. */
function changed(payload: Uint8Array): {payload: Uint8Array; value: number} | undefined {
  const command = decodeCommand(payload);
  if (command.type !== 'write') return undefined;
  const share = decodeShare(command.share);
  const values = share.tables[0]?.columns[0]?.values;
  if (values?.type !== 'float') return undefined;
  const value = values.values[0]!;
  const wrong = {...values, values: values.values.map((one) => one + WRONG_BY)};
  const tables = share.tables.map(
    (table): ShareTable => ({
      ...table,
      columns: table.columns.map((column) => ({...column, values: wrong})),
    }),
  );
  const head = payload.subarray(0, payload.length - command.share.length);
  return {payload: Uint8Array.of(...head, ...encodeShare({...share, tables})), value};
}
