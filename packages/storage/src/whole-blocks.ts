// Which blocks a query may take by their statistics. That no other part and no row in memory lies in their time
// is for those to see who merge them.

import type {BlockNeed, BlockRequest} from '@flotilla/column';
import {type BlockRun, BlockRunBuilder, RUN_BLOCKS_MAX} from './block-run.ts';
import type {Field, RowRange} from './memtable-view.ts';
import type {BlockReference} from './part-cursor.ts';

export class WholeBlocks {
  readonly #fields: readonly Field[];
  readonly #needs: readonly ReadonlySet<BlockNeed>[];
  readonly #range: RowRange;
  readonly #request: BlockRequest;
  #run: BlockRunBuilder | undefined;
  /** Of the series at hand that may still come. */
  #blocksLeft = 0;

  constructor(
    request: BlockRequest,
    {fields, range}: {readonly fields: readonly Field[]; readonly range: RowRange},
  ) {
    this.#request = request;
    this.#needs = request.needs;
    this.#fields = fields;
    this.#range = range;
  }

  /** A series of at most so many blocks. */
  begin(blockCount: number): void {
    this.#blocksLeft = blockCount;
    this.#run = undefined;
  }

  get isFull(): boolean {
    return this.#run?.isFull === true;
  }

  /**
   * False where the block's rows are needed. Requires that it is not full, and that nothing else of the series
   * lies in the block's time.
   */
  take(reference: BlockReference): boolean | Promise<boolean> {
    const {cursor, minOffset, maxOffset, hidden} = reference;
    const {startOffset, endOffset} = this.#range;
    const isWhole = hidden.length === 0 && minOffset >= startOffset && maxOffset < endOffset;
    if (!isWhole || !this.#request.isOneGroup(minOffset, maxOffset)) return false;
    this.#run ??= new BlockRunBuilder(
      this.#fields,
      this.#needs,
      Math.min(this.#blocksLeft, RUN_BLOCKS_MAX),
    );
    return cursor.addTo(this.#run, reference);
  }

  /** What was taken since, if anything. */
  *finish(): Generator<BlockRun> {
    const run = this.#run;
    if (run === undefined || run.count === 0) return;
    this.#run = undefined;
    this.#blocksLeft -= run.count;
    yield run.finish();
  }
}
