// Blocks without their rows as aggregates take them: for each argument vectors of a slot a block.

import {assert} from '@flotilla/base';
import type {BlockChunk, BlockColumn} from '@flotilla/column';
import type {AggregateSpec, Fragment} from '../plan/plan.ts';
import type {RunContext} from './accumulator.ts';
import {inputOf} from './block-request.ts';
import {fragmentBase} from './chunk-rows.ts';
import type {Rows} from './compile.ts';
import {isNull, type NumberVector, type TimeBase, type TimeVector, type Vector} from './vector.ts';

/** What an argument comes to in each block. Null in the vectors where no row, or not that one, has a value. */
export interface BlockVectors {
  /** Rows with a value. */
  readonly counts: Float64Array;
  readonly mins: Vector;
  readonly maxs: Vector;
  /** Of numbers. */
  readonly sums?: NumberVector | undefined;
  /** In the block's first and last row. */
  readonly firsts: Vector;
  readonly lasts: Vector;
}

/** The blocks as rows, at the times of their first and of their last rows. */
export interface BlockContext {
  readonly first: RunContext;
  readonly last: RunContext;
}

export type BlocksOf = (chunk: BlockChunk, rows: Rows) => BlockVectors;

/** Requires that the fragment needs no rows of whole blocks. */
export function blocksOfArgument(fragment: Fragment, aggregate: AggregateSpec): BlocksOf {
  const base = fragmentBase(fragment);
  if (aggregate.argument === undefined) return (chunk) => new TimeBlocks(chunk, base);
  const input = inputOf(aggregate, fragment.inputs);
  assert(input !== undefined, 'an aggregate of blocks is of a column');
  if (input.source === 'time') return (chunk) => new TimeBlocks(chunk, base);
  if (input.source === 'field') {
    const {index} = input;
    const type = input.type as NumberVector['type'];
    return (chunk) => new FieldBlocks(chunk.columns[index]!, type, chunk.blockCount);
  }
  const {argument} = aggregate;
  assert(argument.op === 'input', 'a tag is an input');
  return (chunk, rows) => tagBlocks(chunk, rows.column(argument.input));
}

export function blockTimes(values: Float64Array, base: TimeBase): TimeVector {
  return {type: 'time', values, constant: false, ...base};
}

class FieldBlocks implements BlockVectors {
  readonly #column: BlockColumn;
  readonly #type: NumberVector['type'];
  readonly #blockCount: number;

  constructor(column: BlockColumn, type: NumberVector['type'], blockCount: number) {
    this.#column = column;
    this.#type = type;
    this.#blockCount = blockCount;
  }

  get counts(): Float64Array {
    return this.#column.counts;
  }

  get mins(): Vector {
    return this.#numbers(this.#column.mins, this.#present());
  }

  get maxs(): Vector {
    return this.#numbers(this.#column.maxs, this.#present());
  }

  get sums(): NumberVector {
    return this.#numbers(this.#column.sums, this.#present());
  }

  get firsts(): Vector {
    return this.#numbers(this.#column.firsts, this.#column.firstPresent);
  }

  get lasts(): Vector {
    return this.#numbers(this.#column.lasts, this.#column.lastPresent);
  }

  #numbers(values: Float64Array, present: Uint8Array | undefined): NumberVector {
    return {type: this.#type, values, present, constant: false};
  }

  #present(): Uint8Array | undefined {
    const {counts} = this.#column;
    const present = new Uint8Array(this.#blockCount);
    let isFull = true;
    for (let i = 0; i < present.length; i++) {
      if (counts[i]! > 0) present[i] = 1;
      else isFull = false;
    }
    return isFull ? undefined : present;
  }
}

class TimeBlocks implements BlockVectors {
  readonly counts: Float64Array;
  readonly mins: Vector;
  readonly maxs: Vector;

  constructor({rowCounts, minOffsets, maxOffsets}: BlockChunk, base: TimeBase) {
    this.counts = rowCounts;
    this.mins = blockTimes(minOffsets, base);
    this.maxs = blockTimes(maxOffsets, base);
  }

  get firsts(): Vector {
    return this.mins;
  }

  get lasts(): Vector {
    return this.maxs;
  }
}

/** A tag is the same in each row. */
function tagBlocks({rowCounts}: BlockChunk, tag: Vector): BlockVectors {
  const counts = isNull(tag, 0) ? new Float64Array(rowCounts.length) : rowCounts;
  return {counts, mins: tag, maxs: tag, firsts: tag, lasts: tag};
}
