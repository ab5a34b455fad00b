// A database with a ttl of some minutes, written to at the present time, on clocks for which a day passes now and
// then: what is hidden goes a day later. Rows are hidden no sooner than by the clocks of two nodes (one that is
// alone with its time expires nothing), and until then every node can read them. Now and then somebody mistypes the
// ttl and finds it out: what the right one keeps is there again for every node.

import {LIMITS} from '@flotilla/base';
import type {Catalog, Database} from '@flotilla/catalog';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import {repeat} from '../kernel/repeat.ts';
import type {SimNode} from '../world/node.ts';
import {someEngine} from './clients.ts';
import type {Engine} from './engine.ts';
import {batchOf, databaseNamed, find, type Register, TENANT} from './registers.ts';
import {newestCatalog} from './rest.ts';

export interface ExpiryPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly coverage: Coverage;
  readonly fail: (law: string, message: string) => void;
}

const NAME = 'short';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const TRASH_MS = LIMITS.trash_retention_ms.value;
const WRITE_MS = 1_000;
const READ_MS = 1_500;
const LOOK_MS = 1_000;
const DAYS_MS = 60_000;
const MISTAKES_MS = 20_000;
const DEADLINE_MS = 4_000;
/** What the product lets clocks differ by, and what its reports may be old by. */
const TRUST_MS = 11_000;
const REPORTS_MS = 30_000;
/** From a plan that is due to the command. */
const PLAN_MS = 20_000;

interface Row {
  readonly timeMs: number;
  readonly value: number;
}

export class Expiry {
  readonly #ports: ExpiryPorts;
  readonly #ttlMs: number;
  readonly #rows = new Set<Row>();
  /** Hidden, and not known to be gone for good. */
  readonly #hidden = new Set<Row>();
  readonly #times = new Set<number>();
  /** The second highest clock, in the last while. */
  #clocks: {readonly atMs: number; readonly wallMs: number}[] = [];
  #isStopped = false;
  #lastValue = 0;
  /** Of the newest catalog that was looked at. */
  #seen = {version: 0, expiredBeforeMs: -Infinity};
  /** When the ttl may last have been the mistyped one. */
  #mistakenAtMs = -Infinity;

  constructor(ports: ExpiryPorts) {
    this.#ports = ports;
    this.#ttlMs = ports.chance.pick([2, 3]) * MINUTE_MS;
  }

  start(): void {
    for (const {wall} of this.#ports.nodes) wall.onJump = () => this.#noteClocks();
    this.#create();
    this.#repeat(WRITE_MS, (engine) => this.#counted('write', this.#write(engine)));
    this.#repeat(READ_MS, (engine) => {
      const rows = [...this.#rows];
      if (rows.length > 0) this.#counted('read', this.#read(engine, this.#ports.chance.pick(rows)));
    });
    this.#repeat(DAYS_MS, () => this.#passDay());
    this.#repeat(MISTAKES_MS, (engine) => this.#mistype(engine));
    this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#ports.chance.odds(0.5)) this.#passDay();
  }

  /** One step towards rest: each row is read back, or has expired; what keeps from it. */
  settle(catalog: Catalog | undefined): string[] {
    const database = catalog && databaseNamed(catalog, NAME);
    if (catalog === undefined || database === undefined) {
      this.#create();
      return [`database ${NAME} is not there`];
    }
    if (database.options.ttlMs !== this.#ttlMs) {
      const engine = someEngine(this.#ports);
      if (engine !== undefined) this.#alter(engine, this.#ttlMs);
      return [`the ttl of ${NAME} is still a mistaken one`];
    }
    const all: string[] = [];
    const {expiredBeforeMs = -Infinity} = database;
    const nowMs = this.#nowMs();
    for (const {id, expiredAtMs} of catalog.buckets(database.id))
      if (expiredAtMs !== undefined && expiredAtMs + TRASH_MS + PLAN_MS < nowMs)
        all.push(`bucket ${id} has expired more than a day ago, and is there`);
    if (expiredBeforeMs < nowMs - this.#ttlMs - MINUTE_MS - PLAN_MS)
      all.push(`rows are hidden before ${expiredBeforeMs} only`);
    for (const row of this.#rows) {
      if (row.timeMs < expiredBeforeMs) this.#expired(row);
      const engine = someEngine(this.#ports);
      if (engine !== undefined && this.#rows.has(row))
        this.#counted('read', this.#readBack(engine, row));
    }
    if (this.#rows.size > 0) all.push(`${this.#rows.size} rows were not read back`);
    return all;
  }

  #create(): void {
    const engine = someEngine(this.#ports);
    if (engine === undefined) return;
    const options = {
      ...{ttlMs: this.#ttlMs, bucketDurationMs: MINUTE_MS, precision: 'ms' as const},
      ...{replicas: 3, shards: 1},
    };
    const command = {type: 'create-database' as const, name: NAME, ifNotExists: true, options};
    const deadlineMs = engine.nowMs + 2 * DEADLINE_MS;
    const {meta} = engine.parts!;
    this.#counted('create', meta.propose({...command, ...TENANT}, {deadlineMs}));
  }

  #repeat(meanMs: number, act: (engine: Engine) => void): void {
    repeat(this.#ports, {meanMs, isOver: () => this.#isStopped}, () => {
      const engine = someEngine(this.#ports);
      if (engine !== undefined) act(engine);
    });
  }

  #counted(what: string, work: Promise<unknown>): void {
    this.#ports.coverage.countEnd(`expiry:${what}`, work);
  }

  #nowMs(): number {
    const {kernel} = this.#ports;
    return Math.floor(kernel.wallStartMs + kernel.nowMs);
  }

  /** On all clocks at once. */
  #passDay(): void {
    const {kernel, coverage} = this.#ports;
    kernel.wallStartMs += DAY_MS + MINUTE_MS;
    coverage.count('expiry:days');
    kernel.note(0, 0, () => 'a day passes');
  }

  /** Or puts it right again. */
  #mistype(engine: Engine): void {
    const database = databaseNamed(engine.parts!.copy.catalog, NAME);
    if (database === undefined) return;
    const isRight = database.options.ttlMs === this.#ttlMs;
    this.#alter(engine, isRight ? MINUTE_MS : this.#ttlMs);
  }

  #alter(engine: Engine, ttlMs: number): void {
    const {kernel} = this.#ports;
    this.#mistakenAtMs = kernel.nowMs;
    const order = {type: 'alter-database' as const, name: NAME, options: {ttlMs}, ...TENANT};
    const command = {...order, atMs: this.#nowMs()};
    const what = ttlMs === this.#ttlMs ? 'ttl put right' : 'ttl mistaken';
    kernel.note(0, 0, () => what);
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    this.#counted(what, engine.parts!.meta.propose(command, {deadlineMs}));
  }

  async #write(engine: Engine): Promise<void> {
    const {chance, coverage} = this.#ports;
    const {copy, router} = engine.parts!;
    const database = databaseNamed(copy.catalog, NAME);
    if (database === undefined) return;
    const value = ++this.#lastValue;
    const timeMs = this.#nowMs() - chance.below(this.#ttlMs / 2);
    if (this.#times.has(timeMs)) return;
    this.#times.add(timeMs);
    const row = {timeMs, value};
    const {writtenRows} = await router.write({
      ...{database: database.id, batch: batchOf([{register: registerOf(row), value}])},
      ...{deadlineMs: engine.nowMs + DEADLINE_MS, lineText: () => '', acceptPartial: true},
    });
    coverage.count(`expiry:rows ${writtenRows === 1 ? 'written' : 'not written'}`);
    if (writtenRows === 1) this.#rows.add(row);
  }

  /**
   * What is not there must have expired by the catalog as it was before that was seen, or is after it. Where the
   * two differ it may have come back in between.
   */
  async #read(engine: Engine, row: Row): Promise<boolean> {
    const {copy} = engine.parts!;
    const {coverage, fail} = this.#ports;
    const expiredBefore = () => databaseNamed(copy.catalog, NAME)?.expiredBeforeMs ?? -Infinity;
    await copy.refresh(engine.nowMs + DEADLINE_MS);
    const beforeMs = expiredBefore();
    const found = find(copy.catalog, registerOf(row));
    const reading = found && (await engine.readRow(found.set, found.address, undefined));
    if (reading?.value === row.value) return true;
    await copy.refresh(engine.nowMs + DEADLINE_MS);
    const expiredBeforeMs = expiredBefore();
    if (row.timeMs >= expiredBeforeMs) {
      if (beforeMs !== expiredBeforeMs) return false;
      fail('expiry', `row ${row.value} of ${row.timeMs} is lost; expired before ${beforeMs}`);
    }
    coverage.count('expiry:found gone');
    this.#expired(row);
    return false;
  }

  async #readBack(engine: Engine, row: Row): Promise<void> {
    if (await this.#read(engine, row)) this.#rows.delete(row);
  }

  #expired(row: Row): void {
    if (!this.#rows.delete(row)) return;
    this.#hidden.add(row);
    this.#ports.coverage.count('expiry:rows expired');
  }

  /** What is back is read again, and must be there. */
  #follow({expiredBeforeMs = -Infinity, purgedBeforeMs = -Infinity}: Database): void {
    for (const row of this.#rows) if (row.timeMs < expiredBeforeMs) this.#expired(row);
    for (const row of this.#hidden) {
      if (row.timeMs >= purgedBeforeMs && row.timeMs < expiredBeforeMs) continue;
      this.#hidden.delete(row);
      if (row.timeMs < purgedBeforeMs) continue;
      this.#rows.add(row);
      this.#ports.coverage.count('expiry:rows back');
    }
  }

  /** Two of three that are ahead at once may be taken for right, if only for a moment. */
  #noteClocks(): void {
    const {kernel, nodes} = this.#ports;
    const skews = nodes.map(({wall}) => wall.skewMs).sort((a, b) => b - a);
    this.#clocks.push({atMs: kernel.nowMs, wallMs: this.#nowMs() + skews[1]!});
  }

  #look(): void {
    const {kernel, nodes, fail} = this.#ports;
    kernel.after(LOOK_MS, () => {
      this.#look();
      this.#clocks = this.#clocks.filter(({atMs}) => atMs > kernel.nowMs - REPORTS_MS);
      this.#noteClocks();
      const catalog = newestCatalog(nodes);
      const database = catalog && databaseNamed(catalog, NAME);
      if (catalog === undefined || database === undefined) return;
      if (database.options.ttlMs !== this.#ttlMs) this.#mistakenAtMs = kernel.nowMs;
      this.#follow(database);
      const {expiredBeforeMs = -Infinity} = database;
      const newestMs = Math.max(...this.#clocks.map(({wallMs}) => wallMs));
      const ttlMs = kernel.nowMs - this.#mistakenAtMs < REPORTS_MS ? MINUTE_MS : this.#ttlMs;
      if (this.#isNews(catalog.version, expiredBeforeMs))
        if (expiredBeforeMs > newestMs + TRUST_MS - ttlMs)
          fail('expiry', `rows before ${expiredBeforeMs} are hidden at ${newestMs}`);
    });
  }

  /** By clocks of its time alone: the newest node may be away for a while, and what it hid stays so. */
  #isNews(version: number, expiredBeforeMs: number): boolean {
    if (version <= this.#seen.version) return false;
    const isNews = expiredBeforeMs > this.#seen.expiredBeforeMs;
    this.#seen = {version, expiredBeforeMs};
    return isNews;
  }
}

function registerOf({timeMs}: Row): Register {
  return {database: NAME, table: 't0', slotMs: timeMs - 1_000, series: 0};
}
