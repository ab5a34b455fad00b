// Goal: whatever an entry or the retry windows say under checksums that are right, apply either takes it, and what
// it leaves can be flushed and opened again, or ends with FatalError, which stops the replica before the entry.
// Method: values of good JSON are put to edges, bytes of good commands are changed, and any bytes follow a good head.

import {
  type ColumnId,
  FatalError,
  type OperationId,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
  type TableId,
} from '@flotilla/base';
import {encodeShare, replaceSeriesKeys, type TagPredicate} from '@flotilla/column';
import {Manifest, ReplicaStorage} from '@flotilla/storage';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {FIELDS, type Row, tableOf} from './agreement-rows.fixture.ts';
import {
  decodeCommand,
  encodeChecksum,
  encodeControl,
  encodeDelete,
  encodeWrite,
} from './command.ts';
import {IndexBudget} from './index-budget.ts';
import {FOUNDING} from './machine.fixture.ts';
import {MemtableBudget} from './memtable-budget.ts';
import {ReplicaMachine} from './replica-machine.ts';

const FORGERIES = process.env['FLOTILLA_LONGER'] === '1' ? 12_000 : 300;
const MEMORY_BYTES_MAX = 64 * 1024 * 1024;
const ONE_MS_MAX = 1_000;
const TABLE = 1 as TableId;
const HOST = 1 as ColumnId;

class Trial {
  readonly #disk = new MemoryDisk();
  readonly #store = new MemoryManifestStore();
  machine!: ReplicaMachine;

  async open(): Promise<void> {
    const storage = await ReplicaStorage.open({
      disk: this.#disk,
      directory: 'replicas/1',
      manifest: await Manifest.open(this.#store),
      set: 1 as ReplicaSetId,
      replica: 1 as ReplicaId,
      bucket: {startUnits: 0n, unitsPerSecond: 1e9},
      slices: {due: async () => {}},
    });
    const limits = {memtableBytes: 1e9, memtableBytesMax: 1e9};
    const budgets = {memtables: new MemtableBudget(1e9), indexes: new IndexBudget()};
    const onFault = (error: unknown): void => {
      throw error;
    };
    this.machine = new ReplicaMachine(storage, FOUNDING, {...limits, ...budgets}, {onFault});
    await this.machine.load();
  }

  apply(payload: Uint8Array): unknown {
    const index = (this.machine.storage.durablePoint()?.index ?? FOUNDING.index) + 1;
    return this.machine.apply(index, 5, payload).value;
  }

  /** What it holds is durable, and read from the disk again. */
  async reopened(): Promise<void> {
    await this.machine.flush();
    await this.machine.close();
    await this.open();
    const scan = this.machine.scan({
      table: TABLE,
      startOffset: 0,
      endOffset: 2 ** 53,
      fields: FIELDS,
    });
    // A share may bring a column of another type than its table has: apply knows no schema.
    const reading = (async () => {
      while ((await scan.next()) !== undefined);
    })();
    await reading.catch((error: unknown) => expect(error).toBeInstanceOf(FatalError));
    scan.close();
  }

  /** The retry windows of its manifest say that. */
  async remember(extra: Uint8Array): Promise<void> {
    await (await Manifest.open(this.#store)).commit({put: [['replica/1/1/extra', extra]]});
    await this.open();
  }
}

const row = (host: number, offset: number): Row => {
  return {table: 1, host, offset, bits: [1n, 2n, 3n, 1n, 5n]};
};
const shareOf = (sequence: number, rows: readonly Row[], idempotencyKey?: string): Uint8Array =>
  encodeShare({router: {incarnation: 1, sequence}, idempotencyKey, tables: [tableOf(1, rows)]});

/** With two series and four rows in a part. */
async function filled(): Promise<Trial> {
  const trial = new Trial();
  await trial.open();
  trial.apply(encodeWrite(shareOf(1, [row(1, 1), row(2, 2), row(1, 3), row(2, 4)], 'k\0a,b,c')));
  await trial.reopened();
  return trial;
}

const tags: TagPredicate = {
  op: 'and',
  of: [
    {op: 'in', column: HOST, values: ['h1']},
    {op: 'not', of: {op: 'match', column: HOST, pattern: 'x+', ignoreCase: true}},
    {
      op: 'or',
      of: [
        {op: 'null', column: HOST},
        {op: 'compare', column: HOST, with: '<', value: 'z'},
      ],
    },
  ],
};
const deletion = {table: TABLE, startOffset: 0, endOffset: 3, tags};
const COMMANDS = [
  encodeControl({type: 'drop-column', table: TABLE, column: FIELDS[0]!.column}),
  encodeControl({type: 'purge-table', table: TABLE}),
  encodeDelete({router: {incarnation: 1, sequence: 9}, deletion}),
  encodeDelete({router: {incarnation: 2, sequence: 1}, deletion: {...deletion, tags: undefined}}),
  encodeChecksum({operation: 4 as OperationId}),
];

type Json = null | boolean | number | string | Json[] | {[name: string]: Json};
const EDGES: readonly Json[] = [
  ...[-1, 0, 1, 3, 0.5, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300, null, true, '', 'x', '('],
  ...[[], [null], [[]], {}, {op: 'not'}, {op: 'and', of: null}, 'drop-table', 'toString'],
];

function placesIn(value: Json, found: [Record<string, Json>, string][] = []) {
  if (typeof value !== 'object' || value === null) return found;
  const within = value as Record<string, Json>;
  for (const name of Object.keys(within)) {
    found.push([within, name]);
    placesIn(within[name]!, found);
  }
  return found;
}

function forgedJson(random: SeededRandom, body: Uint8Array): Uint8Array {
  const json = {whole: JSON.parse(Buffer.from(body).toString())} as {[name: string]: Json};
  for (let times = 1 + random.below(2); times > 0; times--) {
    const places = placesIn(json);
    const [within, name] = places[random.below(places.length)]!;
    const value = within[name]!;
    const edge = EDGES[random.below(EDGES.length)]!;
    const isDoubled = Array.isArray(value) && random.below(2) === 0;
    within[name] = isDoubled ? [...value, ...value] : structuredClone(edge);
  }
  return Buffer.from(JSON.stringify(json['whole']) ?? '');
}

function changed(random: SeededRandom, bytes: Uint8Array, from: number): Uint8Array {
  const copy = bytes.slice(
    0,
    random.below(8) === 0 ? from + random.below(bytes.length) : undefined,
  );
  for (let times = 1 + random.below(3); times > 0 && copy.length > from; times--) {
    const at = from + random.below(copy.length - from);
    copy[at] = random.below(2) === 0 ? random.below(256) : copy[at]! ^ (1 << random.below(8));
  }
  return copy;
}

/** @param what is done to the good replica; it may throw. */
async function expectTakenOrRefused(
  told: string,
  what: (trial: Trial) => Promise<unknown>,
): Promise<boolean> {
  const trial = await filled();
  const began = process.cpuUsage();
  const before = process.memoryUsage().arrayBuffers;
  const failure = await what(trial).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  if (failure === undefined) await trial.reopened();
  expect(process.cpuUsage(began).user / 1_000, told).toBeLessThan(ONE_MS_MAX);
  expect(process.memoryUsage().arrayBuffers - before, told).toBeLessThan(MEMORY_BYTES_MAX);
  if (failure === undefined) return false;
  expect(failure, `${told}: ${failure.stack}`).toBeInstanceOf(FatalError);
  return true;
}

test('a command of JSON that was forged is applied for good, or refused', async () => {
  const random = new SeededRandom(20_261_123);
  let refused = 0;
  for (let i = 0; i < FORGERIES; i++) {
    const good = COMMANDS[i % COMMANDS.length]!;
    const head = good.subarray(0, 2);
    const isText = random.below(3) > 0;
    const forged = isText
      ? Buffer.concat([head, forgedJson(random, good.subarray(2))])
      : changed(random, good, 1);
    const told = `forgery ${i}: ${forged}`;
    const isRefused = await expectTakenOrRefused(told, async (trial) => trial.apply(forged));
    if (isRefused) refused += 1;
  }
  expect(refused).toBeGreaterThan(FORGERIES / 4);
}, 600_000);

test('a share that was forged is applied for good, or refused', async () => {
  const random = new SeededRandom(20_261_124);
  const rows = [row(1, 1), row(3, 5), {...row(2, 6), bits: [7n, undefined, 9n, undefined, 11n]}];
  const share = shareOf(2, rows, 'l\0d');
  const {machine} = await filled();
  const goods = [share, replaceSeriesKeys(share, (_, key) => machine.storage.seriesId(key))];
  let refused = 0;
  for (let i = 0; i < FORGERIES; i++) {
    const forged = changed(random, encodeWrite(goods[i % 2]!), 2);
    const told = `forgery ${i}: ${Buffer.from(forged).toString('hex')}`;
    const isRefused = await expectTakenOrRefused(told, async (trial) => trial.apply(forged));
    if (isRefused) refused += 1;
  }
  expect(refused).toBeGreaterThan(FORGERIES / 4);
}, 600_000);

test('retry windows that were forged are gone on with, or refused', async () => {
  const random = new SeededRandom(20_261_125);
  const trial = await filled();
  const good = trial.machine.storage.durableExtra()!;
  const next = encodeWrite(shareOf(2, [row(1, 9)]));
  let refused = 0;
  for (let i = 0; i < FORGERIES; i++) {
    const forged =
      random.below(3) > 0 ? forgedJson(random, good) : changed(random, Uint8Array.from(good), 0);
    const isRefused = await expectTakenOrRefused(
      `forgery ${i}: ${Buffer.from(forged)}`,
      async (to) => {
        await to.remember(forged);
        to.apply(next);
      },
    );
    if (isRefused) refused += 1;
  }
  expect(refused).toBeGreaterThan(FORGERIES / 4);
}, 600_000);

const commandOf = (kind: number, json: string): Uint8Array =>
  Buffer.concat([Uint8Array.of(1, kind), Buffer.from(json)]);

test.each<[string, Uint8Array, RegExp]>([
  ['no JSON', commandOf(2, '{"type"'), /^cannot decode command: control: want JSON; have 7 other/],
  [
    'no object',
    commandOf(4, 'null'),
    /^cannot decode command: checksum: want an object; have null$/,
  ],
  [
    'a table by name',
    commandOf(2, '{"type":"drop-table","table":"t"}'),
    /^cannot decode command: control.table: want an integer of 0 to \d+; have "t"$/,
  ],
  [
    'no column',
    commandOf(2, '{"type":"drop-column","table":1}'),
    /^cannot decode command: control.column: want an integer of 0 to \d+; have nothing$/,
  ],
  ['a name of every object', commandOf(2, '{"type":"toString"}'), /unknown control toString$/],
  [
    'no end',
    commandOf(
      3,
      '{"router":{"incarnation":1,"sequence":1},"deletion":{"table":1,"startOffset":0}}',
    ),
    /^cannot decode command: delete.deletion.endOffset: want .*; have nothing$/,
  ],
  [
    'no sequence',
    commandOf(3, '{"router":{"incarnation":1},"deletion":{}}'),
    /^cannot decode command: delete.router.sequence: want .*; have nothing$/,
  ],
])('a command with %s is refused by name', (_what, payload, message) => {
  expect(() => decodeCommand(payload)).toThrow(message);
  expect(() => decodeCommand(payload)).toThrow(FatalError);
});
