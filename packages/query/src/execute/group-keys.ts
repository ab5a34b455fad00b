// Finding the group of a run. Keys made of tags are constant per series, so they are looked up once a
// series; a bin of the time then is a number in that series' map; other keys go by their text.

import type {BlockRequest} from '@flotilla/column';
import type {BoundExpression, Fragment} from '../plan/plan.ts';
import {BinSlots} from './bin-slots.ts';
import type {ChunkRows} from './chunk-rows.ts';
import {ColumnBuilder} from './column-builder.ts';
import {compileExpression, type Evaluate} from './compile.ts';
import {keyText} from './key-text.ts';
import type {QueryMemory} from './memory.ts';
import type {Runs} from './runs.ts';
import {binOrdinal, type UnitBin, unitBin} from './time-bins.ts';
import type {TimeBase, Vector} from './vector.ts';

/** Beside the key's columns: an entry of a map and its place in the accumulators' arrays. */
const GROUP_BYTES = 64;

interface Key {
  readonly evaluate: Evaluate;
  readonly kind: 'series' | 'rows';
  readonly builder: ColumnBuilder;
}

/** Groups of one value of the keys that are constant per series. */
interface SeriesGroups {
  readonly bins: BinSlots;
  readonly byText: Map<string, number>;
}

export class GroupKeys {
  count = 0;
  readonly #keys: readonly Key[];
  /** The one key that varies inside a series, if it is a bin of the time counted in doubles. */
  readonly #bin: {readonly key: number; readonly bin: UnitBin} | undefined;
  readonly #varying: readonly number[];
  readonly #bySeriesKey = new Map<string, SeriesGroups>();
  readonly #memory: QueryMemory;
  readonly #bytesPerGroup: number;
  readonly #base: TimeBase;
  #series = -1;
  #groups: SeriesGroups = {bins: new BinSlots(), byText: new Map()};
  #vectors: Vector[] = [];

  constructor(
    fragment: Fragment,
    keys: readonly BoundExpression[],
    options: {base: TimeBase; memory: QueryMemory; bytesPerGroup: number},
  ) {
    this.#base = options.base;
    this.#memory = options.memory;
    this.#bytesPerGroup = options.bytesPerGroup + GROUP_BYTES + 9 * keys.length;
    this.#keys = keys.map((key) => ({
      evaluate: compileExpression(key, options.base),
      kind: variesInSeries(key, fragment) ? 'rows' : 'series',
      builder: new ColumnBuilder(key.type, options.base),
    }));
    this.#varying = keys.flatMap((_, i) => (this.#keys[i]!.kind === 'rows' ? [i] : []));
    this.#bin = this.#varying.length === 1 ? this.#binOf(fragment, keys) : undefined;
  }

  #binOf(
    fragment: Fragment,
    keys: readonly BoundExpression[],
  ): {key: number; bin: UnitBin} | undefined {
    const key = this.#varying[0]!;
    const expression = keys[key]!;
    if (expression.op !== 'bin') return undefined;
    const [of] = expression.of;
    if (of.op !== 'input' || fragment.inputs[of.input]?.source !== 'time') return undefined;
    const bin = unitBin(BigInt(expression.widthNs), BigInt(expression.originNs), this.#base);
    return bin && {key, bin};
  }

  /** Whether rows of a series go into one group, by their times; undefined where these do not tell. */
  get isOneGroup(): BlockRequest['isOneGroup'] | undefined {
    if (this.#varying.length === 0) return () => true;
    const bin = this.#bin?.bin;
    return bin && ((first, last) => binOrdinal(first, bin) === binOrdinal(last, bin));
  }

  /** Cuts the rows into runs and gives each the slot of its group. */
  assign(rows: ChunkRows, runs: Runs): void {
    if (rows.series !== this.#series || this.#varying.length === this.#keys.length) {
      this.#enterSeries(rows);
    }
    if (this.#bin !== undefined) {
      this.#assignBins(rows, runs, this.#bin.key, this.#bin.bin);
      return;
    }
    for (const key of this.#varying) this.#vectors[key] = this.#keys[key]!.evaluate(rows);
    const varying = this.#varying.map((key) => this.#vectors[key]!);
    runs.cutByValues(varying, rows.rowCount);
    let row = 0;
    for (let run = 0; run < runs.count; run++) {
      const at = row;
      const text = varying.map((vector) => keyText(vector, at)).join('');
      let slot = this.#groups.byText.get(text);
      if (slot === undefined) {
        slot = this.#addGroup(row);
        this.#groups.byText.set(text, slot);
      }
      runs.setSlot(run, slot);
      row = runs.ends[run]!;
    }
  }

  #enterSeries(rows: ChunkRows): void {
    this.#series = rows.series;
    let text = '';
    this.#keys.forEach((key, i) => {
      if (key.kind === 'rows') return;
      this.#vectors[i] = key.evaluate(rows);
      text += keyText(this.#vectors[i]!, 0);
    });
    const known = this.#bySeriesKey.get(text);
    if (known === undefined) {
      this.#memory.take(2 * text.length + GROUP_BYTES);
      this.#groups = {bins: new BinSlots(), byText: new Map()};
      this.#bySeriesKey.set(text, this.#groups);
    } else this.#groups = known;
  }

  #assignBins(rows: ChunkRows, runs: Runs, key: number, bin: UnitBin): void {
    runs.cutByBin(rows.times.values, rows.rowCount, bin);
    const {bins} = this.#groups;
    for (let run = 0; run < runs.count; run++) {
      const ordinal = runs.ordinals[run]!;
      let slot = bins.get(ordinal);
      if (slot < 0) {
        const start = Float64Array.of(ordinal * bin.width - bin.phase);
        this.#vectors[key] = {type: 'time', values: start, constant: true, ...this.#base};
        slot = this.#addGroup(0);
        bins.set(ordinal, slot);
      }
      runs.setSlot(run, slot);
    }
  }

  #addGroup(row: number): number {
    const slot = this.count++;
    let textBytes = 0;
    this.#keys.forEach(({builder}, i) => {
      const before = builder.textBytes;
      builder.set(slot, this.#vectors[i]!, row);
      textBytes += builder.textBytes - before;
    });
    this.#memory.take(this.#bytesPerGroup + textBytes);
    return slot;
  }

  vectors(): Vector[] {
    return this.#keys.map(({builder}) => builder.toVector(this.count));
  }
}

/** Whether the expression reads more than tags. */
function variesInSeries(expression: BoundExpression, fragment: Fragment): boolean {
  if (expression.op === 'constant') return false;
  if (expression.op === 'input') return fragment.inputs[expression.input]!.source !== 'tag';
  return expression.of.some((each) => variesInSeries(each, fragment));
}
