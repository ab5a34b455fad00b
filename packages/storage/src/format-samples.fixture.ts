// Rows of every kind that lead storage to each of its encodings, and what the reader made from FORMAT.md finds in the
// files that it writes of them.

import {expect} from 'vitest';
import type {Part} from './format-parts.fixture.ts';
import {type ReplicaRead, readManifest, readReplica} from './format-replica.fixture.ts';
import type {PartVersion} from './part-format.ts';
import {
  EVERYTHING,
  HOST,
  line,
  linesOf,
  type Point,
  REGION,
  specOf,
  type Value,
} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

export const DIRECTORY = 'replicas/1-1';
export const STEP = 1_000;
/** Columns of the model's fields. */
const FIELDS: readonly number[] = [3, 4, 5, 6, 7];

/** Uniform over 32 bits, the same at each run. */
function noiseOf(seed: number): number {
  let value = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  value = Math.imul(value ^ (value >>> 15), 0x85ebca6b) >>> 0;
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35) >>> 0;
  return (value ^ (value >>> 16)) >>> 0;
}

export type Pattern = (i: number, noise: number) => Value | undefined;

/** Of each type, in this order. */
export type Kind = readonly [Pattern, Pattern, Pattern, Pattern, Pattern];

const odd = [Number.NaN, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324];
const zeros = [-0, 0];
export const never: Pattern = () => undefined;

/** What the columns of one host hold: between them they lead to every encoding, list and statistic. */
export const KINDS: readonly Kind[] = [
  // Decimals, a counter, one that begins anew, few texts.
  [
    (_, noise) => (noise % 10_000) / 100,
    (i, noise) => BigInt(i * 10 + (noise % 3)),
    (i, noise) => BigInt((i % 100) * 1_000 + (noise % 900)),
    (i) => i % 3 === 0,
    (i) => `text ${i % 7}`,
  ],
  // Full precision in nearly all rows, a spike, one value.
  [
    (i, noise) => (i % 100 === 50 ? undefined : Math.sqrt(noise)),
    (i, noise) => (i % 200 === 7 ? 10n ** 12n : BigInt(noise % 9)),
    () => 12n,
    () => true,
    (i, noise) => `${i}-${noise}`,
  ],
  // Odd ones among decimals, the whole width of integers, many texts that are long.
  [
    (i, noise) => (i % 50 === 3 ? odd[noise % odd.length]! : (noise % 1_000) / 10),
    (i, noise) => (i % 40 === 9 ? -(2n ** 63n) + BigInt(i) : BigInt(noise) * 2n ** 20n),
    (i, noise) => (i % 40 === 9 ? 2n ** 64n - 1n - BigInt(i) : BigInt(noise)),
    (_, noise) => noise % 2 === 0,
    (i, noise) => (noise % 5 === 0 ? '' : `é ${'long '.repeat(noise % 9)}${i}`),
  ],
  // Repeats, wide integers near each other, with few values.
  [
    (i) => Math.sqrt(1 + Math.floor(i / 25)),
    (i) => 2n ** 60n + BigInt(i),
    (i) => 2n ** 63n + BigInt(i % 9),
    (i) => (i % 97 === 5 ? true : undefined),
    (i) => (i % 300 === 5 ? `rare ${i}` : undefined),
  ],
  // Single precision, smooth squares, nearly all or half of the rows.
  [
    (_, noise) => Math.fround(noise / 3e9),
    (i, noise) => BigInt(i * i * 5 + (noise % 2)),
    (i, noise) => (i % 100 === 50 ? undefined : BigInt(noise)),
    (_, noise) => (noise % 2 === 0 ? noise % 3 === 0 : undefined),
    never,
  ],
  // Constants, random bits, a column that is not there.
  [
    () => Math.PI,
    (_, noise) => BigInt(noise) * 2n ** 21n - 2n ** 52n,
    never,
    (i) => (i % 100 === 50 ? undefined : false),
    (i) => (i % 100 === 50 ? undefined : 'one'),
  ],
  // Doubles of few bits and of all sizes, zeros of both signs, one far integer among flags, squares.
  [
    (i, noise) =>
      i % 50 === 3
        ? zeros[noise % 2]!
        : (1 + (noise % 4_096) / 4_096) * 2 ** ((noise >>> 12) % 200),
    (i, noise) => (i % 200 === 0 ? -(2n ** 53n) + 1n : BigInt(noise % 2)),
    (i) => BigInt(i) ** 2n,
    never,
    (_, noise) => `text ${noise % 300}`,
  ],
  // All sizes of doubles.
  [
    (_, noise) => (noise - 2 ** 31) * Math.PI * 10 ** ((noise % 600) - 300),
    never,
    (_, noise) => BigInt(noise % 9),
    (i, noise) => (i > 200 ? noise % 2 === 0 : undefined),
    (i) => (i < 200 ? undefined : `${i}`),
  ],
];

export interface Run {
  readonly host: number;
  readonly start?: number;
  readonly count: number;
  readonly table?: number;
  readonly step?: number;
  readonly kind?: Kind;
}

export function rowsOf({host, start = 0, count, table = 1, step = STEP, kind}: Run): Point[] {
  const patterns = kind ?? KINDS[host % KINDS.length]!;
  return Array.from({length: count}, (_, i) => ({
    ...{table, host, region: host % 3, offset: (start + i) * step},
    values: patterns.map((pattern, field) => pattern(start + i, noiseOf((start + i) * 8 + field))),
  }));
}

export const hosts = (count: number): number[] => Array.from({length: count}, (_, host) => host);

export async function written(
  version: PartVersion,
  flushes: readonly (readonly Run[])[],
): Promise<Trial> {
  const trial = new Trial([version]);
  trial.storage = await trial.fixture.open(1);
  for (const runs of flushes) {
    trial.write(runs.flatMap(rowsOf));
    await trial.step({type: 'flush', isAwaited: true});
  }
  return trial;
}

export function read({fixture: {disk, store}}: Trial): ReplicaRead {
  const state = readManifest(store.rows).get('replica/1/1/state')!.toString();
  return readReplica(state, (file) => disk.bytesOf(`${DIRECTORY}/${file}`));
}

export function linesOfTable({rows}: ReplicaRead, table: number, fields = FIELDS): string[] {
  const own = rows.filter(({key}) => key.table === table);
  const lines = own.map(({key, offset, values}) => {
    const host = Number(key.tags.get(HOST)!.slice('host_'.length));
    const region = Number(key.tags.get(REGION)?.slice(1) ?? 0);
    return line(
      {host, region},
      offset,
      fields.map((column) => values.get(column)),
    );
  });
  return lines.sort();
}

/** The rows in the files are those of the scan. */
export async function compare(trial: Trial, fields = FIELDS): Promise<readonly Part[]> {
  const found = read(trial);
  for (const query of EVERYTHING) {
    const want = await linesOf(
      trial.storage.scan(specOf({...query, fields: fields.map((column) => column - FIELDS[0]!)})),
    );
    const have = linesOfTable(found, query.table, fields);
    // To compare long lists once more line by line takes longer than all the rest.
    if (have.join('\n') !== want.join('\n')) expect(have).toEqual(want);
  }
  return found.parts;
}
