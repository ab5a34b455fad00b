// A scan that takes blocks by their statistics, against the model: all rows as lines, those of such a block from
// the model, once what was said of it is what they come to.

import type {BlockChunk, BlockNeed, BlockRequest, SeriesChunk, TableScan} from '@flotilla/column';
import {expect} from 'vitest';
import {
  HOST,
  line,
  type Model,
  type Query,
  REGION,
  type Value,
  valueAt,
} from './replica-model.fixture.ts';

const ALL: readonly BlockNeed[] = ['count', 'min', 'max', 'sum', 'first', 'last'];
const EDGES: readonly BlockNeed[] = ['count', 'first-row', 'last-row'];
/** Of booleans and texts there is nothing else. */
const COUNT: ReadonlySet<BlockNeed> = new Set(['count']);

/** Some request for a query, by its numbers: which one makes no difference to its rows. */
export function requestFor({start, length, fields}: Query): BlockRequest {
  const choice = (start + length + fields.length) % 4;
  const wanted = choice === 0 ? EDGES : choice === 1 ? ALL.slice(0, 4) : ALL;
  const width = [Number.POSITIVE_INFINITY, 3_600_000, 7_000, 600_000][length % 4]!;
  const bin = (offset: number) => Math.floor(offset / width);
  return {
    needs: fields.map((field) => (field < 3 ? new Set(wanted) : COUNT)),
    isOneGroup: (min, max) => bin(min) === bin(max),
  };
}

interface HeldRow {
  readonly time: number;
  readonly values: readonly (Value | undefined)[];
}

export async function linesWithBlocks(
  scan: TableScan,
  {model, query}: {readonly model: Model; readonly query: Query},
): Promise<string[]> {
  const request = requestFor(query);
  const blocks = scan.withBlocks!(request);
  const lines: string[] = [];
  let series = -1;
  let offset = -1;
  let held: HeldRow[] = [];
  for (let chunks = await blocks.next(); chunks !== undefined; chunks = await blocks.next())
    for (const chunk of chunks) {
      const host = Number(scan.tagValue(chunk.series, HOST)!.slice('host_'.length));
      const region = Number(scan.tagValue(chunk.series, REGION)?.slice(1) ?? 0);
      const of = {host, region};
      if (chunk.series !== series) {
        offset = -1;
        held = heldRows(model, query, of);
      }
      series = chunk.series;
      const rows = 'blockCount' in chunk ? saidRows(chunk, request, held) : givenRows(chunk);
      // In time order, blocks and the rows between them.
      expect(rows[0]!.time).toBeGreaterThan(offset);
      for (const {time, values} of rows) lines.push(line(of, time, values));
      offset = rows.at(-1)!.time;
    }
  scan.close();
  return lines.sort();
}

function heldRows(
  model: Model,
  {table, fields}: Query,
  {host, region}: {host: number; region: number},
): HeldRow[] {
  const held = [...(model.tables.get(table)?.values() ?? [])].find(
    ({point}) => point.host === host && point.region === region,
  );
  return [...(held?.rows ?? [])]
    .sort(([a], [b]) => a - b)
    .map(([time, row]) => ({time, values: fields.map((field) => row.get(field))}));
}

/** The model's rows of the blocks, each compared with what is said of it. */
function saidRows(chunk: BlockChunk, request: BlockRequest, held: readonly HeldRow[]): HeldRow[] {
  const said: HeldRow[] = [];
  let at = 0;
  for (let block = 0; block < chunk.blockCount; block++) {
    const [min, max] = [chunk.minOffsets[block]!, chunk.maxOffsets[block]!];
    if (!request.isOneGroup(min, max)) expect.fail(`block ${block} is of two groups`);
    while (held[at]!.time < min) at += 1;
    const first = at;
    while (at < held.length && held[at]!.time <= max) at += 1;
    const rows = held.slice(first, at);
    const told = [min, max, chunk.rowCounts[block]].join();
    const want = [rows[0]!.time, rows.at(-1)!.time, rows.length].join();
    if (told !== want) expect.fail(`block ${block} from, to, rows: ${told}; want ${want}`);
    request.needs.forEach((needs, field) => {
      const values = rows.map((row) => row.values[field]);
      expectSaid(chunk, {block, field, needs}, values);
    });
    said.push(...rows);
  }
  return said;
}

function givenRows({rowCount, offsets, columns}: SeriesChunk): HeldRow[] {
  return Array.from({length: rowCount}, (_, row) => ({
    time: offsets[row]!,
    values: columns.map((column) =>
      column === undefined || column.present?.[row] === 0 ? undefined : valueAt(column.values, row),
    ),
  }));
}

/** @param all  of the rows in the order of their times */
function expectSaid(
  chunk: BlockChunk,
  {block, field, needs}: {block: number; field: number; needs: ReadonlySet<BlockNeed>},
  all: readonly (Value | undefined)[],
): void {
  const column = chunk.columns[field]!;
  const values = all.filter((value) => value !== undefined).map(Number);
  const isSame = (need: BlockNeed, told: Float64Array | Uint8Array, want: number, within = 0) => {
    // -0 and 0 are the same here. A call of `expect` takes longer than all of this.
    if (!(Math.abs(told[block]! - want) <= within))
      expect.fail(`${need} of field ${field} of block ${block}: ${told[block]}; want ${want}`);
  };
  isSame('count', column.counts, values.length);
  isSame('first-row', column.firstPresent, all[0] === undefined ? 0 : 1);
  isSame('last-row', column.lastPresent, all.at(-1) === undefined ? 0 : 1);
  if (values.length === 0) return;
  if (needs.has('min')) isSame('min', column.mins, Math.min(...values));
  if (needs.has('max')) isSame('max', column.maxs, Math.max(...values));
  if (needs.has('sum')) {
    const absolute = values.reduce((sum, each) => sum + Math.abs(each), 0);
    const sum = values.reduce((total, each) => total + each, 0);
    isSame('sum', column.sums, sum, absolute * 2e-12);
  }
  const isSaid = (need: BlockNeed, edge: BlockNeed, row: Value | undefined): boolean =>
    needs.has(need) || (needs.has(edge) && row !== undefined);
  if (isSaid('first', 'first-row', all[0])) isSame('first', column.firsts, values[0]!);
  if (isSaid('last', 'last-row', all.at(-1))) isSame('last', column.lasts, values.at(-1)!);
}
