// Which series the tombstones of a reader concern: each predicate is run once over the series, then a
// bit a series answers. Series that came after a tombstone may be among them: they have no rows that
// are old enough to be hidden.

import type {SeriesId} from '@flotilla/base';
import type {SeriesIndex} from './series-index.ts';
import type {Slices} from './slices.ts';
import type {Mask, Tombstone} from './tombstone.ts';

const NO_MASKS: readonly Mask[] = [];

/** By tombstone a bit a series id; absent for a tombstone of all series. Plain data. */
export type SeriesBits = ReadonlyMap<Tombstone, Uint8Array>;

export class MaskedSeries {
  readonly bits: SeriesBits;

  constructor(bits: SeriesBits) {
    this.bits = bits;
  }

  static async of(
    masks: readonly Mask[],
    index: SeriesIndex,
    slices: Slices,
  ): Promise<MaskedSeries> {
    const bits = new Map<Tombstone, Uint8Array>();
    for (const {tombstone} of masks) {
      if (tombstone.tags === undefined || bits.has(tombstone)) continue;
      const due = slices.due();
      if (due !== undefined) await due;
      const ids = index.select(tombstone.table, tombstone.tags);
      bits.set(tombstone, bitsOf(ids));
    }
    return new MaskedSeries(bits);
  }

  /** Those of a source's masks that concern the series. */
  masksOf(series: SeriesId, masks: readonly Mask[]): readonly Mask[] {
    if (masks.length === 0) return NO_MASKS;
    return masks.filter(({tombstone}) => this.#has(tombstone, series));
  }

  #has(tombstone: Tombstone, series: SeriesId): boolean {
    if (tombstone.tags === undefined) return true;
    return ((this.bits.get(tombstone)![series >>> 3] ?? 0) & (1 << (series & 7))) !== 0;
  }
}

/** @param ids  ascending */
function bitsOf(ids: Int32Array): Uint8Array {
  const bits = new Uint8Array(ids.length === 0 ? 0 : (ids[ids.length - 1]! >>> 3) + 1);
  for (const id of ids) bits[id >>> 3]! |= 1 << (id & 7);
  return bits;
}
