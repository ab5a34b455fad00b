// A chunk as rows for expressions: columns become vectors when they are asked for, tags are constants
// of the series, and after a filter only the chosen rows are left.

import {Buffer} from 'node:buffer';
import {assert} from '@flotilla/base';
import type {ChunkColumn, SeriesChunk, StringValues, TableScan} from '@flotilla/column';
import {type Fragment, type FragmentInput, UNIT_NS} from '../plan/plan.ts';
import type {Rows} from './compile.ts';
import {
  type BooleanVector,
  gather,
  nullVector,
  type StringVector,
  stringConstant,
  type TimeBase,
  type TimeVector,
  type Vector,
} from './vector.ts';

export function fragmentBase(fragment: Fragment): TimeBase {
  return {startMs: fragment.startMs, unitNs: UNIT_NS[fragment.precision]};
}

export class ChunkRows implements Rows {
  rowCount = 0;
  readonly #scan: TableScan;
  readonly #inputs: readonly FragmentInput[];
  readonly #base: TimeBase;
  #chunk: SeriesChunk | undefined;
  #selected: Int32Array | undefined;
  #columns: (Vector | undefined)[] = [];
  #times: TimeVector | undefined;
  #seriesKey: string | undefined;
  #keySeries = -1;

  constructor(fragment: Fragment, scan: TableScan) {
    this.#scan = scan;
    this.#inputs = fragment.inputs;
    this.#base = fragmentBase(fragment);
  }

  load(chunk: SeriesChunk): void {
    this.#chunk = chunk;
    this.rowCount = chunk.rowCount;
    this.#selected = undefined;
    this.#columns = new Array(this.#inputs.length);
    this.#times = undefined;
  }

  get series(): SeriesChunk['series'] {
    return this.#loaded().series;
  }

  #loaded(): SeriesChunk {
    assert(this.#chunk !== undefined, 'a chunk is loaded first');
    return this.#chunk;
  }

  /** Leaves the rows where the condition is true. Nothing is copied if all are. */
  filter(condition: BooleanVector): void {
    const {values, present} = condition;
    if (condition.constant) {
      if (values[0] === 0 || present?.[0] === 0) this.rowCount = 0;
      return;
    }
    const selected = new Int32Array(this.rowCount);
    let count = 0;
    for (let i = 0; i < this.rowCount; i++) {
      if (values[i] === 1 && (present === undefined || present[i] === 1)) selected[count++] = i;
    }
    if (count === this.rowCount) return;
    this.#selected = selected;
    this.rowCount = count;
    this.#columns = new Array(this.#inputs.length);
    this.#times = undefined;
  }

  get times(): TimeVector {
    if (this.#times === undefined) {
      const {offsets} = this.#loaded();
      const all: TimeVector = {type: 'time', values: offsets, constant: false, ...this.#base};
      this.#times = this.#choose(all) as TimeVector;
    }
    return this.#times;
  }

  column(input: number): Vector {
    const known = this.#columns[input];
    if (known !== undefined) return known;
    const made = this.#make(this.#inputs[input]!);
    this.#columns[input] = made;
    return made;
  }

  #make(input: FragmentInput): Vector {
    if (input.source === 'time') return this.times;
    const chunk = this.#loaded();
    if (input.source === 'tag') {
      return stringConstant(this.#scan.tagValue(chunk.series, input.column));
    }
    const column = chunk.columns[input.index];
    if (column === undefined) return nullVector(input.type, this.#base);
    return this.#choose(columnVector(column, chunk.rowCount));
  }

  #choose(vector: Vector): Vector {
    const selected = this.#selected;
    return selected === undefined ? vector : gather(vector, selected, this.rowCount);
  }

  /** The series' key, one code unit a byte. */
  readonly seriesKey = (): string => {
    const {series} = this.#loaded();
    if (this.#seriesKey === undefined || this.#keySeries !== series) {
      this.#seriesKey = Buffer.from(this.#scan.seriesKey(series)).toString('latin1');
      this.#keySeries = series;
    }
    return this.#seriesKey;
  };
}

function columnVector(column: ChunkColumn, rowCount: number): Vector {
  const {values, present} = column;
  const shared = {present, constant: false};
  if (values.type === 'string') return lazyText(values, present, rowCount);
  return {...shared, ...values};
}

/** Text is decoded only when someone reads it: count and IS NULL do not. */
function lazyText(
  column: StringValues,
  present: Uint8Array | undefined,
  rowCount: number,
): StringVector {
  let decoded: string[] | undefined;
  return {
    type: 'string',
    constant: false,
    present,
    get values() {
      decoded ??= decodeText(column, present, rowCount);
      return decoded;
    },
  };
}

function decodeText(
  {bytes, ends}: StringValues,
  present: Uint8Array | undefined,
  rowCount: number,
): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out: string[] = [];
  let start = 0;
  for (let i = 0; i < rowCount; i++) {
    const end = ends[i]!;
    out.push(present === undefined || present[i] === 1 ? buffer.toString('utf8', start, end) : '');
    start = end;
  }
  return out;
}
