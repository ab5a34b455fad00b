// Consecutive blocks of a series by what their columns say of themselves, gathered for a query that wants no
// rows (docs/decisions/0017). A block is refused where one number that is needed would not be what its rows
// come to; it is decoded then.

import type {BlockChunk, BlockColumn, BlockNeed} from '@flotilla/column';
import type {ColumnOutline} from './block-column.ts';
import type {Field} from './memtable-view.ts';

/** So many leave together, however long a series is. */
export const RUN_BLOCKS_MAX = 1_024;

/**
 * A block of floats whose sum, or that of some of its rows, may be beyond it is left to its rows: which sums are
 * infinite on the way depends on the order of additions. One below it changes none: the last bit of the
 * largest doubles is 2^971.
 */
const FLOAT_SUM_MAX = 2 ** 900;

export type BlockRun = Omit<BlockChunk, 'series'>;

/** A block's place and rows. Offsets inclusive. */
interface BlockRows {
  readonly rowCount: number;
  readonly minOffset: number;
  readonly maxOffset: number;
}

/** Undefined where no row of the block has a value of the field. */
type OutlineOf = (field: number, wantsStatistics: boolean) => ColumnOutline | undefined;

export class BlockRunBuilder {
  #count = 0;
  readonly #capacity: number;
  readonly #rowCounts: Float64Array;
  readonly #minOffsets: Float64Array;
  readonly #maxOffsets: Float64Array;
  readonly #columns: readonly RunColumn[];

  constructor(
    fields: readonly Field[],
    needs: readonly ReadonlySet<BlockNeed>[],
    capacity: number,
  ) {
    this.#capacity = capacity;
    this.#rowCounts = new Float64Array(capacity);
    this.#minOffsets = new Float64Array(capacity);
    this.#maxOffsets = new Float64Array(capacity);
    this.#columns = fields.map((field, i) => new RunColumn(field, needs[i]!, capacity));
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.#capacity;
  }

  /** False, and nothing is changed, where its rows are needed. Requires that it is not full. */
  add({rowCount, minOffset, maxOffset}: BlockRows, outlineOf: OutlineOf): boolean {
    const at = this.#count;
    for (let i = 0; i < this.#columns.length; i++)
      if (!this.#columns[i]!.set(at, i, outlineOf)) return false;
    this.#rowCounts[at] = rowCount;
    this.#minOffsets[at] = minOffset;
    this.#maxOffsets[at] = maxOffset;
    this.#count = at + 1;
    return true;
  }

  /** What was added. Nothing may be added any more. */
  finish(): BlockRun {
    return {
      blockCount: this.#count,
      rowCounts: this.#rowCounts,
      minOffsets: this.#minOffsets,
      maxOffsets: this.#maxOffsets,
      columns: this.#columns,
    };
  }
}

const NONE = new Float64Array(0);

class RunColumn implements BlockColumn {
  readonly counts: Float64Array;
  readonly mins: Float64Array;
  readonly maxs: Float64Array;
  readonly sums: Float64Array;
  readonly firsts: Float64Array;
  readonly lasts: Float64Array;
  readonly firstPresent: Uint8Array;
  readonly lastPresent: Uint8Array;
  readonly #type: Field['type'];
  readonly #needs: ReadonlySet<BlockNeed>;
  readonly #wantsStatistics: boolean;

  constructor({type}: Field, needs: ReadonlySet<BlockNeed>, capacity: number) {
    const wants = (...of: BlockNeed[]): Float64Array =>
      of.some((need) => needs.has(need)) ? new Float64Array(capacity) : NONE;
    this.counts = new Float64Array(capacity);
    this.mins = wants('min');
    this.maxs = wants('max');
    this.sums = wants('sum');
    this.firsts = wants('first', 'first-row');
    this.lasts = wants('last', 'last-row');
    this.firstPresent = new Uint8Array(capacity);
    this.lastPresent = new Uint8Array(capacity);
    this.#type = type;
    this.#needs = needs;
    this.#wantsStatistics = [...needs].some((need) => need !== 'count');
  }

  set(at: number, field: number, outlineOf: OutlineOf): boolean {
    if (this.#needs.size === 0) return true;
    const wantsStatistics = this.#wantsStatistics;
    const outline = outlineOf(field, wantsStatistics);
    if (outline === undefined) {
      this.counts[at] = 0;
      this.firstPresent[at] = 0;
      this.lastPresent[at] = 0;
      return true;
    }
    const {count, hasFirstRow, hasLastRow, statistics} = outline;
    // Of the first value only that of the first row has a time that is known.
    if (!hasFirstRow && this.#needs.has('first')) return false;
    if (!hasLastRow && this.#needs.has('last')) return false;
    this.counts[at] = count;
    this.firstPresent[at] = hasFirstRow ? 1 : 0;
    this.lastPresent[at] = hasLastRow ? 1 : 0;
    if (!wantsStatistics) return true;
    if (statistics === undefined) return false;
    const {min, max, sum, first, last} = statistics;
    // Of -0 and 0 the statistics have the one that came first, while the greatest of both is 0.
    if (Object.is(max, -0) && this.#needs.has('max')) return false;
    const sumMax = Math.max(Math.abs(min), Math.abs(max)) * count;
    if (this.#type === 'float' && sumMax > FLOAT_SUM_MAX && this.#needs.has('sum')) return false;
    // Beyond the end of those that nobody asked for nothing is written.
    this.mins[at] = min;
    this.maxs[at] = max;
    this.sums[at] = sum;
    this.firsts[at] = first;
    this.lasts[at] = last;
    return true;
  }
}
