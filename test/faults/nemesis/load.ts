// The load through all nodes: senders of rows, each with a client that knows every node and begins at
// its own; readers of registers, likewise; and clients of registers, each of one node alone, so that every node is read and written
// through while it is cut off, slow, or wrong about who leads.

import {setTimeout as sleep} from 'node:timers/promises';
import {SeededRandom} from '@flotilla/base';
import {FlotillaClient, FlotillaError} from '@flotilla/client';
import type {Availability} from './availability.ts';
import type {RegisterHistories} from './register-histories.ts';
import {linesOf, type RowLedger} from './row-ledger.ts';

export const DATABASE = 'nemesis';
/** Of each of its sets, unless somebody wants more. */
export const REPLICAS = 3;
export const ROWS_TABLE = 'load';
const ROWS_PER_BODY = 10;
/** Of one sender: five of them send 400 rows a second, which leaves the machine time for faults. */
const BODY_EVERY_MS = 125;
/** The longest that a call may wait while a majority lives. */
export const CALL_MS_MAX = 30_000;
const REGISTERS = 10;
const REGISTER_TIME = '1600000000000000000';
const REGISTER_EVERY_MS = 400;
const REGISTER_MS_MAX = 5_000;
const READ_SHARE = 0.5;
/** Of one steady reader. */
const READ_EVERY_MS = 500;

export interface LoadPlace {
  readonly urls: readonly string[];
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Sends rows until told to stop, one sender for each node. */
export async function sendRows(
  {urls, signal}: LoadPlace,
  ledger: RowLedger,
  availability: Availability,
): Promise<void> {
  await Promise.all(
    urls.map(async (_, i) => {
      const own = [...urls.slice(i), ...urls.slice(0, i)];
      const client = new FlotillaClient({urls: own, database: DATABASE, timeoutMs: CALL_MS_MAX});
      try {
        while (!signal.aborted) await sendBody(client, ledger, availability);
      } finally {
        client.close();
      }
    }),
  );
}

async function sendBody(
  client: FlotillaClient,
  ledger: RowLedger,
  availability: Availability,
): Promise<void> {
  const startMs = performance.now();
  availability.began(startMs);
  const range = ledger.take(ROWS_PER_BODY);
  let error: string | undefined;
  try {
    await client.write(linesOf(range));
    ledger.acknowledge(range);
  } catch (thrown) {
    if (!(thrown instanceof FlotillaError)) throw thrown;
    error = `${thrown.code}: ${thrown.message}`;
  }
  const endMs = performance.now();
  availability.ended({call: 'write', startMs, endMs, error});
  await sleep(Math.max(0, BODY_EVERY_MS - (endMs - startMs)));
}

/** Reads all registers until told to stop, one reader for each node, which asks the others where that fails. */
export async function readSteadily(
  {urls, signal}: LoadPlace,
  histories: RegisterHistories,
  availability: Availability,
): Promise<void> {
  await Promise.all(
    urls.map(async (_, i) => {
      const own = [...urls.slice(i), ...urls.slice(0, i)];
      const client = new FlotillaClient({urls: own, database: DATABASE, timeoutMs: CALL_MS_MAX});
      try {
        while (!signal.aborted) {
          const startMs = performance.now();
          availability.began(startMs);
          const error = await readRegisters(client, urls.length + i + 1, histories);
          availability.ended({call: 'read', startMs, endMs: performance.now(), error});
          await sleep(READ_EVERY_MS);
        }
      } finally {
        client.close();
      }
    }),
  );
}

/** Writes and reads registers until told to stop, one client for each node. */
export async function useRegisters(
  {urls, seed, signal}: LoadPlace,
  histories: RegisterHistories,
): Promise<void> {
  await Promise.all(
    urls.map(async (url, i) => {
      const random = new SeededRandom(seed + i);
      const client = registerClient(url);
      try {
        while (!signal.aborted) {
          if (random.next() < READ_SHARE) await readRegisters(client, i + 1, histories);
          else await writeRegister(client, i + 1, histories, `r${random.below(REGISTERS)}`);
          await sleep(random.below(2 * REGISTER_EVERY_MS));
        }
      } finally {
        client.close();
      }
    }),
  );
}

export function registerClient(url: string): FlotillaClient {
  return new FlotillaClient({urls: [url], database: DATABASE, timeoutMs: REGISTER_MS_MAX});
}

async function writeRegister(
  client: FlotillaClient,
  number: number,
  histories: RegisterHistories,
  register: string,
): Promise<void> {
  const value = histories.nextValue();
  const startMs = performance.now();
  const outcome = await outcomeOf(
    client.write(`registers,id=${register} v=${value}i ${REGISTER_TIME}`),
  );
  const endMs = outcome === 'ok' ? performance.now() : Number.POSITIVE_INFINITY;
  histories.add(register, {client: number, kind: 'write', value, startMs, endMs, outcome});
}

/** A write that was not acknowledged may have been done by one of its tries. */
async function outcomeOf(write: Promise<unknown>): Promise<'ok' | 'unknown'> {
  try {
    await write;
    return 'ok';
  } catch (error) {
    if (error instanceof FlotillaError) return 'unknown';
    throw error;
  }
}

/** All at once: each is a read of its own. Why there was no answer, if so. */
export async function readRegisters(
  client: FlotillaClient,
  number: number,
  histories: RegisterHistories,
): Promise<string | undefined> {
  const startMs = performance.now();
  try {
    const rows = await client.query('SELECT id, v FROM registers');
    const endMs = performance.now();
    const values = new Map(rows.map((row) => [String(row['id']), Number(row['v'])]));
    for (let i = 0; i < REGISTERS; i++) {
      const value = values.get(`r${i}`) ?? 0;
      histories.add(`r${i}`, {client: number, kind: 'read', value, startMs, endMs, outcome: 'ok'});
    }
    return undefined;
  } catch (error) {
    if (error instanceof FlotillaError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

/** What every register is before it is written, so that table and buckets are there. */
export function firstLines(): string {
  return `seed v=1i ${REGISTER_TIME}\nregisters,id=none v=0i ${REGISTER_TIME}`;
}
