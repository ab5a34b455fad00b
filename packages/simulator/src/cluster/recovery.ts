// A database that is dropped, whole or its table, and brought back before its retention is over, under its old
// name or, where that was given to another, a new one: each row that was acknowledged is there again, exact.
// Sometimes it is purged at once instead, and another one takes its place.

import type {DatabaseId, TableId} from '@flotilla/base';
import type {Catalog, Command} from '@flotilla/catalog';
import {someEngine} from './clients.ts';
import type {Engine} from './engine.ts';
import type {OrderPorts} from './order-ports.ts';
import {batchOf, databaseNamed, find, type Register, SLOT_MS, TENANT} from './registers.ts';
import {newestCatalog} from './rest.ts';

const STEP_MS = 1_000;
const DEADLINE_MS = 4_000;
/** A process that ends answers nothing. */
const SILENCE_MS = 3 * DEADLINE_MS;
const DROPPED_MS = 10_000;
/** Longer than any run, with all the weeks that pass in it. */
const RETENTION_MS = 1e10;

interface Row {
  readonly series: number;
  readonly value: number;
}

type Wish = 'database' | 'table';

export class Recovery {
  readonly #ports: OrderPorts;
  isStopped = false;
  #names = 0;
  #name = 'kept';
  #table = 't0';
  #database: DatabaseId | undefined;
  #tableId: TableId | undefined;
  #rows: Row[] = [];
  #lastSeries = 0;
  readonly #slotMs: number;
  #busyUntilMs = 0;
  #version = 0;
  /** What is dropped, or about to be. */
  #dropping: Wish | undefined;
  #isDropped = false;
  #recoverAtMs = 0;
  /** Brought back, and not yet by the word of all sets. */
  #isUnconfirmed = false;
  /** Rows that were not read since the last recovery. */
  #unread: Row[] = [];

  constructor(ports: OrderPorts) {
    this.#ports = ports;
    this.#slotMs = Math.floor(ports.wallMs() / SLOT_MS) * SLOT_MS;
  }

  start(): void {
    const {kernel, chance} = this.#ports;
    kernel.after(chance.wait(STEP_MS), () => {
      if (this.isStopped) return;
      const catalog = newestCatalog(this.#ports.nodes);
      if (catalog !== undefined) this.#step(catalog);
      this.start();
    });
  }

  /** One step towards rest; what keeps from it. */
  settle(catalog: Catalog): string[] {
    if (this.#dropping === undefined && !this.#isUnconfirmed && this.#unread.length === 0)
      return [];
    this.#recoverAtMs = 0;
    if (this.#dropping !== undefined && !this.#isDropped && !this.#isGone(catalog))
      this.#dropping = undefined;
    this.#step(catalog);
    const what = this.#dropping ?? (this.#isUnconfirmed ? 'word of all sets' : 'rows');
    return [`database ${this.#name} (${this.#database}) is not back: it lacks its ${what}`];
  }

  #step(catalog: Catalog): void {
    const {kernel, chance} = this.#ports;
    // Whoever knew more may just have ended.
    if (kernel.nowMs < this.#busyUntilMs || catalog.version < this.#version) return;
    this.#version = catalog.version;
    this.#adopt(catalog);
    if (this.#database === undefined) this.#begin(catalog);
    else if (this.#dropping !== undefined) this.#stepDropped(catalog);
    else if (this.#isUnconfirmed) this.#confirm(catalog);
    else if (this.#unread.length > 0) this.#readOne();
    else if (this.isStopped) return;
    else if (this.#rows.length > 3 && chance.odds(0.15)) this.#drop(catalog);
    else this.#write();
  }

  /** A drop that came late, after what it had asked for had been done and undone. */
  #adopt(catalog: Catalog): void {
    if (this.#database === undefined || this.#dropping !== undefined) return;
    const isDropped = (one: {dropped?: object | undefined} | undefined): boolean =>
      one?.dropped !== undefined;
    if (isDropped(catalog.database(this.#database))) this.#dropping = 'database';
    else if (this.#tableId !== undefined && isDropped(catalog.table(this.#tableId)))
      this.#dropping = 'table';
    else return;
    this.#isDropped = true;
    this.#ports.coverage.count('recovery:dropped late');
  }

  #begin(catalog: Catalog): void {
    const database = databaseNamed(catalog, this.#name);
    if (database !== undefined) {
      this.#database = database.id;
      return;
    }
    if (this.isStopped) return;
    this.#create(this.#name);
  }

  #create(name: string): void {
    const options = {bucketDurationMs: SLOT_MS, precision: 'ms' as const, replicas: 3, shards: 2};
    this.#propose('create', {type: 'create-database', name, ifNotExists: true, options, ...TENANT});
  }

  #drop(catalog: Catalog): void {
    const {chance} = this.#ports;
    this.#tableId = catalog.tableByName(this.#database!, this.#table)?.id;
    this.#dropping = this.#tableId === undefined || chance.odds(0.5) ? 'database' : 'table';
    this.#isDropped = false;
  }

  #isGone(catalog: Catalog): boolean {
    if (this.#dropping === 'database')
      return catalog.database(this.#database!)?.dropped !== undefined;
    return catalog.table(this.#tableId!)?.dropped !== undefined;
  }

  #stepDropped(catalog: Catalog): void {
    const {kernel, chance, coverage} = this.#ports;
    if (this.#isDropped) {
      if (kernel.nowMs >= this.#recoverAtMs) this.#recover(catalog);
      return;
    }
    if (!this.#isGone(catalog)) {
      this.#proposeDrop(RETENTION_MS, false);
      return;
    }
    this.#isDropped = true;
    coverage.count(`recovery:${this.#dropping} dropped`);
    this.#recoverAtMs = kernel.nowMs + chance.wait(DROPPED_MS);
    if (this.#dropping === 'table' || this.isStopped) return;
    const draw = chance.next();
    if (draw < 0.25) this.#purge();
    else if (draw < 0.5) this.#create(this.#name);
  }

  #proposeDrop(forMs: number, orTrash: boolean): void {
    const atMs = this.#ports.wallMs();
    const times = {atMs, purgeAtMs: atMs + forMs, ifExists: true, orTrash};
    const command: Command =
      this.#dropping === 'database'
        ? {type: 'drop-database', name: this.#name, ...times, ...TENANT}
        : {type: 'drop-table', database: this.#database!, name: this.#table, ...times};
    this.#propose(orTrash ? 'purge' : `drop ${this.#dropping}`, command);
  }

  /** `AFTER '0s'`: nothing is asked of it any more but that it goes. */
  #purge(): void {
    this.#proposeDrop(0, true);
    this.#name = `kept${++this.#names}`;
    this.#table = 't0';
    this.#database = undefined;
    this.#dropping = undefined;
    this.#rows = [];
  }

  #recover(catalog: Catalog): void {
    const kind = this.#dropping!;
    const found =
      kind === 'database' ? catalog.database(this.#database!) : catalog.table(this.#tableId!);
    const {coverage, fail} = this.#ports;
    if (found === undefined) {
      fail('recovery', `${kind} ${this.#name} was purged within its retention`);
      return;
    }
    if (found.dropped !== undefined) {
      this.#proposeRecovery(catalog, kind);
      return;
    }
    coverage.count(`recovery:${kind} recovered`);
    if (kind === 'database') this.#name = found.name;
    else this.#table = found.name;
    this.#dropping = undefined;
    this.#isUnconfirmed = true;
    this.#unread = [...this.#rows];
  }

  #proposeRecovery(catalog: Catalog, kind: Wish): void {
    const database = this.#database!;
    const isTaken =
      kind === 'database'
        ? databaseNamed(catalog, this.#name) !== undefined
        : catalog.tableByName(database, this.#table) !== undefined;
    const as = isTaken ? `back${++this.#names}` : undefined;
    const command: Command =
      kind === 'database'
        ? {type: 'recover-database', name: this.#name, as, ...TENANT}
        : {type: 'recover-table', database, name: this.#table, as};
    this.#propose(`recover ${kind}${isTaken ? ' under another name' : ''}`, command);
  }

  #confirm(catalog: Catalog): void {
    const engine = someEngine(this.#ports);
    if (engine === undefined) return;
    const database = this.#database!;
    const sets = catalog.buckets(database).flatMap(({replicaSets}) => replicaSets);
    const recovered = catalog.tables(database).map(({id}) => id);
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    const {router} = engine.parts!;
    this.#counted(
      'confirm',
      router.awaitFences(sets, {fence: {recovered}, deadlineMs}).then((left) => {
        if (left.length === 0) this.#isUnconfirmed = false;
      }),
    );
  }

  #write(): void {
    const engine = someEngine(this.#ports);
    if (engine === undefined) return;
    const series = ++this.#lastSeries;
    const row = {series, value: series + 0.5};
    const written = engine.parts!.router.write({
      database: this.#database!,
      batch: batchOf([{register: this.#registerOf(row), value: row.value}]),
      ...{deadlineMs: engine.nowMs + DEADLINE_MS, acceptPartial: true, lineText: () => ''},
    });
    const rows = this.#rows;
    this.#counted(
      'write',
      written.then(({writtenRows}) => {
        if (writtenRows === 1) rows.push(row);
      }),
    );
  }

  #registerOf({series}: Row): Register {
    return {database: this.#name, table: this.#table, slotMs: this.#slotMs, series};
  }

  #readOne(): void {
    const engine = someEngine(this.#ports);
    if (engine !== undefined) this.#counted('read', this.#read(engine, this.#unread.slice(0, 20)));
  }

  /** All sets have said that its rows are there. */
  async #read(engine: Engine, rows: readonly Row[]): Promise<void> {
    const {copy} = engine.parts!;
    const {coverage, fail} = this.#ports;
    await copy.refresh(engine.nowMs + DEADLINE_MS);
    for (const row of rows) {
      const found = find(copy.catalog, this.#registerOf(row));
      const reading = found && (await engine.readRow(found.set, found.address, undefined));
      if (reading?.value !== row.value) {
        await copy.refresh(engine.nowMs + DEADLINE_MS);
        this.#adopt(copy.catalog);
        if (this.#dropping !== undefined) return;
        fail('recovery', `row ${row.value} of ${this.#name} came back as ${reading?.value}`);
      }
      coverage.count('recovery:rows back');
      this.#unread = this.#unread.filter((one) => one !== row);
    }
  }

  #propose(what: string, command: Command): void {
    const engine = someEngine(this.#ports);
    if (engine === undefined) return;
    const {meta, copy} = engine.parts!;
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    const proposed = meta.propose(command, {deadlineMs}).then(() => copy.refresh(deadlineMs));
    this.#counted(what, proposed);
  }

  /** Nothing else is asked meanwhile. */
  #counted(what: string, work: Promise<unknown>): void {
    const {kernel, coverage} = this.#ports;
    const untilMs = kernel.nowMs + SILENCE_MS;
    this.#busyUntilMs = untilMs;
    const ended = (): void => {
      if (this.#busyUntilMs === untilMs) this.#busyUntilMs = 0;
    };
    work.then(ended, ended);
    coverage.countEnd(`recovery:${what}`, work);
  }
}
