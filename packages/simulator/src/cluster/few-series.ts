// A database that takes few series in a bucket, while people change how many: new series come many at once, of any
// number of writers, through whatever nodes. No set ever holds more than its part of the most that was allowed;
// what it has acknowledged once it takes again, however full it is; what it refused is nowhere; and when more
// is allowed in peace, it takes all of it.

import type {Catalog} from '@flotilla/catalog';
import {ReplicaMachine} from '@flotilla/replica';
import {repeat} from '../kernel/repeat.ts';
import {someEngine} from './clients.ts';
import type {Engine} from './engine.ts';
import type {OrderPorts} from './order-ports.ts';
import {batchOf, databaseNamed, find, type Register, SLOT_MS, TENANT} from './registers.ts';
import {newestCatalog} from './rest.ts';

const NAME = 'few';
const TABLE = 't0';
const WRITE_MS = 700;
const ALTER_MS = 4_000;
const SLOT_LIFE_MS = 25_000;
const LOOK_MS = 500;
const DEADLINE_MS = 4_000;
const WRITERS_MAX = 4;
const ROWS_MAX = 3;
/** The least and how many more, of all shards of a bucket: near each other, since it is by the most that is judged. */
const ALLOWED_MAX = 6;
const MORE_MAX = 2;
/** More than a run makes in a slot: that many ends the refusals. */
const ALLOWED_IN_PEACE = 1_000_000;
/** Slots of which nothing is written any more; each is a bucket, and the cluster has its moves to make. */
const SLOTS_MAX = 6;
/** Of a slot: several times what it takes. */
const ROWS_OF_SLOT_MAX = 40;
/** In peace, at once. */
const ASKED_MAX = 25;

/** `open`: its one write may come to be applied, or is on its way; `again`: refused once, and to be taken now. */
type Fate = 'open' | 'taken' | 'refused' | 'again';

interface Row {
  readonly register: Register;
  readonly value: number;
  fate: Fate;
  /** Read back, or taken, in peace. */
  isSettled: boolean;
}

export class FewSeries {
  readonly #ports: OrderPorts;
  readonly #shards: number;
  readonly #least: number;
  readonly #rows: Row[] = [];
  #slotMs: number;
  #slots = 1;
  #allowed: number;
  /** The most that was ever asked for, whatever became of it. */
  #most: number;
  #isStopped = false;

  constructor(ports: OrderPorts) {
    this.#ports = ports;
    const {chance} = ports;
    this.#shards = 1 + chance.below(3);
    this.#least = 1 + chance.below(ALLOWED_MAX);
    this.#allowed = this.#least;
    this.#most = this.#allowed;
    this.#slotMs = Math.floor(ports.wallMs() / SLOT_MS) * SLOT_MS;
  }

  set isStopped(isStopped: boolean) {
    this.#isStopped = isStopped;
  }

  start(): void {
    this.#create();
    const {chance} = this.#ports;
    this.#repeat(WRITE_MS, () => {
      if (chance.odds(0.3)) this.#elect();
      for (let writers = 1 + chance.below(WRITERS_MAX); writers > 0; writers--) this.#writeSome();
    });
    this.#repeat(ALTER_MS, () => this.#alter(this.#least + chance.below(MORE_MAX + 1)));
    this.#repeat(SLOT_LIFE_MS, () => this.#nextSlot());
    this.#look();
  }

  /** One step towards rest; what keeps from it. */
  settle(catalog: Catalog): string[] {
    const database = databaseNamed(catalog, NAME);
    if (database === undefined) {
      this.#create();
      return [`database ${NAME} is not there`];
    }
    const unsettled = this.#rows.filter(({isSettled}) => !isSettled);
    if (unsettled.length === 0) return [];
    const isUnread = ({fate}: Row): boolean => fate === 'open' || fate === 'taken';
    const unread = unsettled.filter(isUnread);
    for (const row of unread.slice(0, ASKED_MAX)) this.#withEngine('read', row);
    if (database.options.maxSeries !== ALLOWED_IN_PEACE) {
      if (unread.length === 0) this.#alter(ALLOWED_IN_PEACE);
    } else {
      const refused = unsettled.filter((row) => !isUnread(row));
      for (const row of refused.slice(0, ASKED_MAX)) this.#withEngine('write again', row);
    }
    return [`${unsettled.length} series of ${NAME} were neither read back nor taken`];
  }

  #repeat(meanMs: number, act: () => void): void {
    repeat(this.#ports, {meanMs, isOver: () => this.#isStopped}, act);
  }

  #create(): void {
    const {order} = this.#ports;
    const shape = {replicas: 3, shards: this.#shards, bucketDurationMs: SLOT_MS};
    const options = {...shape, precision: 'ms' as const, maxSeries: this.#allowed};
    order(
      {type: 'create-database', name: NAME, ifNotExists: true, options, ...TENANT},
      'few series',
    );
  }

  #alter(maxSeries: number): void {
    const {order, kernel} = this.#ports;
    this.#allowed = maxSeries;
    this.#most = Math.max(this.#most, maxSeries);
    kernel.note(0, 0, () => `${NAME} takes ${maxSeries} series in a bucket`);
    order({type: 'alter-database', name: NAME, options: {maxSeries}, ...TENANT}, 'max series');
  }

  #nextSlot(): void {
    if (this.#slots >= SLOTS_MAX) return;
    this.#slots += 1;
    this.#slotMs -= SLOT_MS;
  }

  /** Beside writes: the next leader is to count what the one before has left in the log. */
  #elect(): void {
    const {chance, coverage, nodes} = this.#ports;
    const engine = someEngine(this.#ports);
    const catalog = newestCatalog(nodes);
    const database = catalog && databaseNamed(catalog, NAME);
    if (engine === undefined || catalog === undefined || database === undefined) return;
    const sets = catalog.bucketAt(database.id, this.#slotMs)?.replicaSets ?? [];
    const replicas = sets.flatMap((set) => catalog.replicaSet(set)?.replicas ?? []);
    if (replicas.length === 0) return;
    const {replica, node} = chance.pick(replicas);
    const set = sets.find((id) =>
      catalog.replicaSet(id)?.replicas.some((at) => at.replica === replica),
    );
    coverage.countEnd('series:elect', engine.elect(set!, node));
  }

  #writeSome(): void {
    const {chance, coverage} = this.#ports;
    const engine = someEngine(this.#ports);
    if (engine === undefined) return;
    const here = this.#rows.filter(({register}) => register.slotMs === this.#slotMs);
    const known = here.filter(({fate}) => fate === 'taken');
    const isFull = here.length >= ROWS_OF_SLOT_MAX;
    if (isFull && known.length === 0) return;
    const rows = new Set<Row>();
    for (let count = 1 + chance.below(ROWS_MAX); count > 0; count--) {
      const isKnown = isFull || (known.length > 0 && chance.odds(0.4));
      rows.add(isKnown ? chance.pick(known) : this.#newRow());
    }
    coverage.countEnd('series:write', this.#write(engine, [...rows]));
  }

  #newRow(): Row {
    const series = this.#rows.length;
    const register = {database: NAME, table: TABLE, slotMs: this.#slotMs, series};
    const row: Row = {register, value: series + 1, fate: 'open', isSettled: false};
    this.#rows.push(row);
    return row;
  }

  /** @returns whether all were taken. */
  async #write(engine: Engine, rows: readonly Row[]): Promise<boolean> {
    const {coverage, fail} = this.#ports;
    const {copy, router} = engine.nextThread.parts!;
    const database = databaseNamed(copy.catalog, NAME);
    if (database === undefined) return false;
    const before = rows.map(({fate}) => fate);
    const {lines, sets} = await router.write({
      ...{database: database.id, batch: batchOf(rows), lineText: () => '', acceptPartial: true},
      deadlineMs: engine.nowMs + DEADLINE_MS,
    });
    const isWhole = sets.every(({outcome}) => outcome === 'written');
    for (const [i, row] of rows.entries()) {
      const refusal = lines.find(({line}) => line === i + 1);
      if (refusal === undefined && isWhole) row.fate = 'taken';
      if (refusal?.code !== 'SERIES_LIMIT') continue;
      if (before[i] === 'taken')
        fail(
          'series',
          `series ${row.register.series} was taken, and is refused: ${refusal.reason}`,
        );
      if (row.fate === 'open') row.fate = 'refused';
    }
    for (const {fate} of rows) coverage.count(`series:row ${fate}`);
    if (before.includes('taken') && lines.length > 0) coverage.count('series:known beside refused');
    return isWhole && lines.length === 0;
  }

  #withEngine(what: 'read' | 'write again', row: Row): void {
    const engine = someEngine(this.#ports);
    if (engine === undefined) return;
    const work = what === 'read' ? this.#readBack(engine, row) : this.#writeAgain(engine, row);
    this.#ports.coverage.countEnd(`series:${what}`, work);
  }

  async #readBack(engine: Engine, row: Row): Promise<void> {
    // A write of it may still wait for a set that is being made, and end beside the read.
    const {fate} = row;
    const value = await this.#valueOf(engine, row);
    if (row.isSettled) return;
    row.isSettled = true;
    if (value !== row.value && fate === 'taken')
      this.#ports.fail('series', `series ${row.register.series} was taken, and is not there`);
  }

  /** It was refused once, and nobody has sent it since. */
  async #writeAgain(engine: Engine, row: Row): Promise<void> {
    const {fail, coverage} = this.#ports;
    if ((await this.#valueOf(engine, row)) !== 0 && row.fate === 'refused')
      fail('series', `series ${row.register.series} was refused, and is there`);
    if (row.isSettled) return;
    row.fate = 'again';
    if (!(await this.#write(engine, [row]))) return;
    row.isSettled = true;
    coverage.count('series:taken in peace');
  }

  async #valueOf(engine: Engine, {register}: Row): Promise<number> {
    const {copy} = engine.parts!;
    await copy.refresh(engine.nowMs + DEADLINE_MS);
    const found = find(copy.catalog, register);
    if (found === undefined) return 0;
    return (await engine.readRow(found.set, found.address, undefined)).value;
  }

  #look(): void {
    const {kernel, nodes, fail} = this.#ports;
    kernel.after(LOOK_MS, () => {
      this.#look();
      const catalog = newestCatalog(nodes);
      const database = catalog && databaseNamed(catalog, NAME);
      if (catalog === undefined || database === undefined) return;
      const most = Math.ceil(this.#most / this.#shards);
      for (const {replicaSets} of catalog.buckets(database.id))
        for (const set of replicaSets)
          for (const node of nodes) {
            const machine = node.host?.stateMachine(set);
            if (!(machine instanceof ReplicaMachine)) continue;
            const {seriesCount} = machine.storage;
            if (seriesCount > most)
              fail(
                'series',
                `node ${node.id} has ${seriesCount} series of set ${set}, not ${most}`,
              );
          }
    });
  }
}
