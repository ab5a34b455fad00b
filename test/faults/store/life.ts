// One life of a process that has a store: it looks at what the life before has left, opens it, holds what can be
// read against what was acknowledged, and writes on until it is killed. It tells each step on its standard
// output, which outlives it. Started by store-crashes.test.ts with its orders as JSON.

import {existsSync, mkdirSync, readdirSync, statSync, writeSync} from 'node:fs';
import path from 'node:path';
import {DbError} from '@flotilla/base';
import {checkLog} from '../../../packages/multiraft/src/index.ts';
import {NodeDisk, readManifestCopy} from '../../../packages/server/src/adapters/index.ts';
import {
  checkReplicaFiles,
  type ReplicaState,
  replicasIn,
  verifyRows,
} from '../../../packages/storage/src/index.ts';
import {DyingDisk, type Step} from './dying-disk.ts';
import {LoneStore, manifestStore, REPLICA_DIRECTORY, STORE} from './lone-store.ts';
import {KEPT, Model, operationOf, tableOf} from './operations.ts';

/** Armed when the life comes to that, and from there on until it ends. */
export interface StepInLife extends Step {
  readonly during: 'opening' | 'writes' | 'compaction' | 'closing';
}

export interface Orders {
  readonly directory: string;
  readonly seed: number;
  /** From 1. */
  readonly life: number;
  /** Operations up to it were acknowledged. */
  readonly acked: number;
  /** Those above it up to this one were begun, and may be there or not. */
  readonly begun: number;
  /** How many more; then the store is closed in order, unless the process was killed before. */
  readonly operations: number;
  /** At which the process kills itself, from when on. */
  readonly step?: StepInLife | undefined;
}

const IN_FLIGHT = 4;
const FLUSH_EVERY = 23;
const COMPACT_EVERY = 41;
/** Beyond the last flush, which is at most `FLUSH_EVERY` behind. */
const SENT_AGAIN = 60;

const orders = JSON.parse(process.argv[2]!) as Orders;
const dying = new DyingDisk();

function tell(text: string): void {
  writeSync(1, `${text}\n`);
}

function arm(phase: StepInLife['during']): void {
  if (orders.step?.during === phase) dying.arm(orders.step);
}

/** Nothing that a check names: what a crash leaves is no damage. */
async function lookBefore(): Promise<void> {
  const disk = new NodeDisk(orders.directory);
  const faults: string[] = [];
  const check = {
    fault: ({
      file,
      offset,
      message,
    }: {
      file: string;
      offset?: number | undefined;
      message: string;
    }) => void faults.push(`${file} at ${offset}: ${message}`),
    read: () => {},
    unreadable: (file: string, error: Error) => void faults.push(`${file}: ${error.message}`),
  };
  await checkLog(disk, `${STORE}/log`, check);
  const state = manifestState(faults);
  if (state !== undefined)
    await checkReplicaFiles(disk, {directory: REPLICA_DIRECTORY, state}, check);
  if (faults.length > 0) throw new Error(`a look finds damage: ${faults.join('; ')}`);
}

function manifestState(faults: string[] = []): ReplicaState | undefined {
  const file = path.join(orders.directory, STORE, 'manifest.sqlite');
  // The life before was too short.
  if (!existsSync(file)) return undefined;
  const {rows, faults: ofPages} = readManifestCopy(file);
  const {values, faults: ofRows} = verifyRows(rows);
  faults.push(...ofPages, ...ofRows.map(({message}) => message));
  const [stored] = replicasIn(values);
  if (typeof stored?.state === 'string') throw new Error(stored.state);
  return stored?.state;
}

/** Files below the store that nothing needs, as they stand there; before its first part a replica looks for none. */
function strays(): string[] {
  const state = manifestState();
  const files = [...(state?.parts ?? []), ...(state?.keyFiles ?? [])].map(({file}) => file);
  if (files.length === 0) return [];
  const directory = path.join(orders.directory, STORE);
  return readdirSync(directory, {recursive: true, encoding: 'utf8'})
    .filter((file) => {
      if (
        /^(log|log\/(segment-\d{16}|end)|manifest\.sqlite(-journal)?|replicas(\/1-11)?)$/.test(file)
      )
        return false;
      return !file.startsWith('replicas/1-11/') || !files.includes(path.basename(file));
    })
    .map((file) => `${file} of ${statSync(path.join(directory, file), {bigint: true}).mtimeNs}`);
}

/** Of those that were there before the store was opened; others are being written. */
function mustBeGone(before: readonly string[]): void {
  const left = strays().filter((file) => before.includes(file));
  if (left.length > 0) throw new Error(`stray files: ${left.join(', ')}`);
}

/** The rows are those of the operations up to one that is at least the last acknowledged. */
async function compare(store: LoneStore): Promise<void> {
  const {seed, acked, begun} = orders;
  const model = new Model();
  for (let number = 1; number <= acked; number++) model.apply(operationOf(seed, number));
  const have = await store.lines();
  let want = model.lines();
  const wanted = want;
  for (let number = acked + 1; want.join('\n') !== have.join('\n'); number++) {
    if (number > begun)
      throw new Error(
        `not what was acknowledged, ${acked} to ${begun}: ${differenceOf(wanted, have)}`,
      );
    model.apply(operationOf(seed, number));
    want = model.lines();
  }
}

function differenceOf(want: readonly string[], have: readonly string[]): string {
  const [wanted, had] = [new Set(want), new Set(have)];
  const lost = want.filter((line) => !had.has(line));
  const odd = have.filter((line) => !wanted.has(line));
  const some = (lines: readonly string[]): string => lines.slice(0, 5).join(' | ');
  return `${lost.length} lost (${some(lost)}), ${odd.length} not written (${some(odd)})`;
}

/**
 * As a router does that has not heard the answer: what comes a second time must change nothing. The newest
 * first, so that each would undo those after it.
 */
async function sendAgain(store: LoneStore): Promise<void> {
  const {seed, acked} = orders;
  for (let number = acked; number > Math.max(0, acked - SENT_AGAIN); number--) {
    const operation = operationOf(seed, number);
    // What a dropped table refused may be taken now.
    if (tableOf(operation) === KEPT) await store.do(operation, number);
  }
}

/** Goes on behind the last acknowledged: some of those after it may be applied already. */
async function write(store: LoneStore): Promise<void> {
  const {seed, acked, operations} = orders;
  await sendAgain(store);
  const inFlight: Promise<void>[] = [];
  for (let number = acked + 1; number <= acked + operations; number++) {
    const operation = operationOf(seed, number);
    // What one that is sent again does to a table must not come between others that are under way.
    const room = operation.type === 'control' ? 0 : IN_FLIGHT - 1;
    while (inFlight.length > room) await inFlight.shift();
    tell(`begun ${number}`);
    inFlight.push(done(store, number));
    if (operation.type === 'control') await inFlight.shift();
    if (number % FLUSH_EVERY === 0) void store.machine.flush();
    if (number % COMPACT_EVERY === 0) await compact(store);
  }
  await Promise.all(inFlight);
}

async function done(store: LoneStore, number: number): Promise<void> {
  try {
    await store.do(operationOf(orders.seed, number), number);
  } catch (error) {
    if (!(error instanceof DbError) || error.code !== 'TABLE_NOT_FOUND') throw error;
  }
  tell(`acked ${number}`);
}

/** Beside writes, but for where it is the compaction's own steps that count. */
async function compact(store: LoneStore): Promise<void> {
  const compacted = store.machine.compactAll().catch((error: unknown) => {
    // Closing breaks it off.
    if (!(error instanceof DbError) || error.code !== 'CANCELLED') throw error;
  });
  if (orders.step?.during !== 'compaction') return;
  await compacted;
  await store.machine.flush();
  arm('compaction');
  await store.machine.compactAll();
}

try {
  const {directory, life} = orders;
  if (life > 1) await lookBefore();
  const straysBefore = strays();
  arm('opening');
  mkdirSync(path.join(directory, STORE), {recursive: true});
  const store = await LoneStore.open({
    bootEpoch: life,
    disk: dying.disk(new NodeDisk(directory)),
    manifest: dying.manifest(manifestStore(path.join(directory, STORE, 'manifest.sqlite'))),
  });
  mustBeGone(straysBefore);
  await compare(store);
  tell('opened');
  arm('writes');
  await write(store);
  arm('closing');
  await store.close();
  tell('closed');
} catch (error) {
  tell(`failed ${(error as Error).stack?.replaceAll('\n', ' ')}`);
  process.exit(1);
}
