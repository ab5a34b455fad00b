// Clients of a cluster: each sends a request to any node, and where it fails without a final answer sends
// it again, to whatever node, under the same idempotency key; what they saw is the history that must be
// linearizable, register by register. A request counts once, however often it was sent.

import {DbError, type NodeId} from '@flotilla/base';
import {findDatabase, othersOf} from '@flotilla/server/engine-parts';
import type {Coverage} from '../checks/coverage.ts';
import {type Chance, chanceOf} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {RegisterOperation} from '../linearizability.ts';
import type {SimulationOptions} from '../simulation.ts';
import type {SimNode} from '../world/node.ts';
import {Engine} from './engine.ts';
import type {Ground} from './ground.ts';
import {batchOf, find, nameOf, type Register, TENANT} from './registers.ts';
import type {RowReading} from './row-read.ts';
import type {ThreadEngine} from './thread-engine.ts';

export interface ClientPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly ground: Ground;
  readonly coverage: Coverage;
  readonly clients: number;
  readonly thinkMs: number;
  /** How many of the reads may be stale. */
  readonly staleOdds: number;
  readonly fail: (law: string, message: string) => void;
}

type Mutable = {-readonly [Key in keyof RegisterOperation]: RegisterOperation[Key]};
type Outcome = RegisterOperation['outcome'];

/** Of one try, as HTTP's deadline is. */
const DEADLINE_MS = 4_000;
/** A try whose node says nothing for so long is given up. */
const SILENCE_MS = 8_000;
const TRIES_MAX = 4;
const LOOK_MS = 500;
const STALENESS_MS = [300, 2_000, 8_000, 30_000];
/** An age is by a clock that may be slow. */
const AGE_FACTOR = 1.06;

export interface Request {
  readonly client: number;
  readonly kind: 'write' | 'read' | 'erase';
  /** Of one database; only a write has more than one. */
  readonly registers: readonly Register[];
  /** Of a read that may be stale. */
  readonly maxStalenessMs?: number | undefined;
  readonly triesMax?: number | undefined;
  /** Only of these; all by default. */
  readonly through?: readonly SimNode[] | undefined;
}

/** What became of one try: final, or to be sent again. */
interface Tried {
  readonly outcome: Outcome;
  readonly code: string;
  readonly value?: number;
  /** Of a stale read: it sees all that was acknowledged before. */
  readonly sinceMs?: number | undefined;
  readonly isFinal: boolean;
}

/** A stream of its own: without stale reads a run is as it was before there were any. */
export function readsStale({seed, stale}: Pick<SimulationOptions, 'seed' | 'stale'>): boolean {
  return stale ?? chanceOf(seed, 'stale reads').odds(0.5);
}

/** By its own copy of the catalog. */
export function othersKnownTo(node: SimNode): NodeId[] {
  const program = node.running?.program;
  const catalog = program instanceof Engine ? program.catalog : undefined;
  return catalog === undefined ? [] : othersOf(catalog, node.id);
}

export function engineOf(node: SimNode): Engine | undefined {
  const program = node.running?.program;
  return program instanceof Engine && program.parts !== undefined ? program : undefined;
}

/** One of those that are up and take calls. */
export function someEngine({
  nodes,
  chance,
}: {
  readonly nodes: readonly SimNode[];
  readonly chance: Chance;
}): Engine | undefined {
  const up = nodes.map(engineOf).filter((engine) => engine !== undefined);
  return up.length === 0 ? undefined : chance.pick(up);
}

export class Clients {
  readonly #ports: ClientPorts;
  readonly histories = new Map<string, RegisterOperation[]>();
  readonly counts = {ok: 0, unknown: 0, refused: 0};
  readonly open = new Map<number, string>();
  isStopped = false;
  #lastValue = 0;
  #lastRequest = 0;

  constructor(ports: ClientPorts) {
    this.#ports = ports;
  }

  start(): void {
    for (let client = 1; client <= this.#ports.clients; client++) this.#live(client);
  }

  /** Resolved outcome, once for each request. */
  request(request: Request, done: (outcome: Outcome, code: string) => void): void {
    const {kernel, coverage} = this.#ports;
    const {client, kind, registers} = request;
    const rows = registers.map((register) => ({
      register,
      value: kind === 'write' ? ++this.#lastValue : 0,
    }));
    const operations = rows.map(({register, value}): Mutable => {
      const startMs = kernel.nowMs;
      const operation: Mutable = {
        ...{client, value, startMs, kind: kind === 'read' ? 'read' : 'write'},
        endMs: Infinity,
        outcome: 'unknown',
      };
      this.#remember(register, operation);
      return operation;
    });
    const key = `request-${++this.#lastRequest}`;
    this.open.set(client, `${kind} of ${registers.map(nameOf).join(', ')}`);
    this.#send(request, rows, key, ({outcome, code, value, sinceMs}) => {
      for (const operation of operations) {
        operation.outcome = outcome;
        if (outcome !== 'unknown') operation.endMs = kernel.nowMs;
        if (kind === 'read') operation.value = value ?? 0;
        // Its promise: that of a read that began so much earlier.
        operation.startMs = Math.min(operation.startMs, sinceMs ?? Infinity);
      }
      this.counts[outcome] += 1;
      coverage.count(`answers:${kind} ${code}`);
      this.open.delete(client);
      done(outcome, code);
    });
  }

  #live(client: number): void {
    const {kernel, chance, thinkMs, ground, staleOdds} = this.#ports;
    const waitMs = chance.odds(0.7) ? chance.wait(thinkMs / 10) : chance.wait(thinkMs * 3);
    kernel.after(waitMs, () => {
      if (this.isStopped) return;
      const kind = chance.odds(0.4) ? 'read' : chance.odds(0.15) ? 'erase' : 'write';
      const count = kind === 'write' && chance.odds(0.3) ? 2 + chance.below(3) : 1;
      const registers = ground.pick(chance, count);
      const isStale = kind === 'read' && staleOdds > 0 && chance.odds(staleOdds);
      const maxStalenessMs = isStale ? chance.pick(STALENESS_MS) : undefined;
      this.request({client, kind, registers, maxStalenessMs}, () => this.#live(client));
    });
  }

  #send(
    request: Request,
    rows: readonly {register: Register; value: number}[],
    key: string,
    done: (tried: Tried) => void,
  ): void {
    const {kernel, chance, coverage} = this.#ports;
    let tries = 0;
    let mayBeWritten = false;
    const again = (): void => {
      tries += 1;
      if (tries > 1) coverage.count(`retries:${request.kind}`);
      this.#try(request, rows, key, (tried) => {
        mayBeWritten ||= tried.outcome === 'unknown';
        // An erasure that was sent again would take what was written in between.
        const isErased = request.kind === 'erase' && mayBeWritten;
        if (tried.isFinal || isErased || tries >= (request.triesMax ?? TRIES_MAX)) {
          const isOpen = mayBeWritten && tried.outcome === 'refused' && request.kind !== 'read';
          done(isOpen ? {...tried, outcome: 'unknown'} : tried);
        } else kernel.after(chance.wait(200), again);
      });
    };
    again();
  }

  #try(
    request: Request,
    rows: readonly {register: Register; value: number}[],
    key: string,
    done: (tried: Tried) => void,
  ): void {
    const {kernel, chance, nodes} = this.#ports;
    const up = (request.through ?? nodes).filter((node) => engineOf(node) !== undefined);
    if (up.length === 0) {
      const code = 'no node is up';
      kernel.after(LOOK_MS, () => done({outcome: 'refused', code, isFinal: false}));
      return;
    }
    const node = chance.pick(up);
    const {running} = node;
    const untilMs = kernel.nowMs + SILENCE_MS;
    let isOver = false;
    const end = (tried: Tried): void => {
      if (isOver) return;
      isOver = true;
      watch.cancel();
      done(tried);
    };
    const lost = (code: string): Tried => ({
      outcome: request.kind === 'read' ? 'refused' : 'unknown',
      code,
      isFinal: false,
    });
    const look = (): void => {
      if (node.running !== running) end(lost('connection lost'));
      else if (kernel.nowMs >= untilMs) end(lost('silence'));
      else watch = kernel.after(LOOK_MS, look);
    };
    let watch = kernel.after(LOOK_MS, look);
    const engine = engineOf(node)!;
    this.#perform(engine.nextThread, request, rows, key).then(end, (error: unknown) => {
      if (!(error instanceof DbError)) throw error;
      end(failed(error, request.kind !== 'read'));
    });
  }

  #perform(
    engine: ThreadEngine,
    {kind, registers, maxStalenessMs}: Request,
    rows: readonly {register: Register; value: number}[],
    key: string,
  ): Promise<Tried> {
    if (kind === 'write') return this.#write(engine, rows, key);
    if (kind === 'erase') return this.#erase(engine, registers[0]!);
    return this.#read(engine, registers[0]!, maxStalenessMs);
  }

  /** As DELETE does: by the catalog as meta has it now, so that no bucket is overlooked. */
  async #erase(engine: ThreadEngine, register: Register): Promise<Tried> {
    const {copy, router} = engine.parts!;
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    await copy.refresh(deadlineMs);
    const found = find(copy.catalog, register);
    const done = {outcome: 'ok', code: 'ok', isFinal: true} as const;
    if (found === undefined) return done;
    const {table, tag, tagValue, offset} = found.address;
    const deletion = {
      ...{table, startOffset: offset, endOffset: offset + 1},
      tags: {op: 'in' as const, column: tag, values: [tagValue]},
    };
    const [result] = await router.delete([{set: found.set, deletion}], deadlineMs);
    const {outcome, error} = result!;
    if (outcome === 'deleted') return done;
    return {outcome, code: error?.code ?? '', isFinal: false};
  }

  async #write(
    engine: ThreadEngine,
    rows: readonly {register: Register; value: number}[],
    idempotencyKey: string,
  ): Promise<Tried> {
    const {database: name} = rows[0]!.register;
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    const {copy, router} = engine.parts!;
    const {id: database} = await findDatabase(copy, {...TENANT, database: name}, deadlineMs);
    const batch = batchOf(rows);
    const {sets, rejectedLines, lines, writtenRows} = await router.write({
      ...{database, batch, deadlineMs, idempotencyKey},
      lineText: () => '',
      acceptPartial: true,
    });
    if (writtenRows === rows.length) return {outcome: 'ok', code: 'ok', isFinal: true};
    // Bad lines of a body that has no other fault stay bad.
    const code = sets.find(({error}) => error !== undefined)?.error?.code ?? lines[0]?.code ?? '';
    const isRefused = writtenRows === 0 && sets.every(({outcome}) => outcome === 'refused');
    return {
      outcome: isRefused ? 'refused' : 'unknown',
      code,
      isFinal: rejectedLines === rows.length,
    };
  }

  /** At an index of the catalog, then at one of the set: by its leader or any replica. */
  async #read(
    engine: ThreadEngine,
    register: Register,
    maxStalenessMs: number | undefined,
  ): Promise<Tried> {
    const {chance, coverage, kernel} = this.#ports;
    const {copy} = engine.parts!;
    await copy.refresh(engine.nowMs + DEADLINE_MS);
    const found = find(copy.catalog, register);
    const done = {outcome: 'ok', code: 'ok', isFinal: true} as const;
    if (found === undefined) {
      coverage.count('reads:of what the catalog does not have');
      return {...done, value: 0};
    }
    const replicas = copy.catalog.replicaSet(found.set)?.replicas ?? [];
    const request = {...found.address, maxStalenessMs};
    if (maxStalenessMs !== undefined && replicas.length > 0) {
      const askedMs = kernel.nowMs;
      const reading = await engine.readRow(found.set, request, chance.pick(replicas).node);
      return {...done, ...this.#judge(reading, askedMs, maxStalenessMs)};
    }
    const isByLeader = replicas.length === 0 || chance.odds(0.5);
    const on: NodeId | undefined = isByLeader ? undefined : chance.pick(replicas).node;
    coverage.count(isByLeader ? 'reads:by the leader' : 'reads:by any replica');
    const {value} = await engine.readRow(found.set, found.address, on);
    return {...done, value};
  }

  #judge({value, ageMs}: RowReading, askedMs: number, maxMs: number): Partial<Tried> {
    const {coverage, fail} = this.#ports;
    if (!(ageMs <= maxMs)) fail('staleness', `${ageMs} ms old where ${maxMs} were asked for`);
    coverage.count(`stale reads:${ageMs === 0 ? 'confirmed' : 'as they were'}`);
    return {value, sinceMs: askedMs - ageMs * AGE_FACTOR};
  }

  #remember(register: Register, operation: RegisterOperation): void {
    const name = nameOf(register);
    const history = this.histories.get(name);
    if (history !== undefined) {
      history.push(operation);
      return;
    }
    this.histories.set(name, [operation]);
  }
}

/** Before anything was proposed, for a write: all else is in what the router returns. */
function failed({code}: DbError, isWrite: boolean): Tried {
  const isUnknown = isWrite && (code === 'OUTCOME_UNKNOWN' || code === 'DEADLINE_EXCEEDED');
  return {outcome: isUnknown ? 'unknown' : 'refused', code, isFinal: false};
}
