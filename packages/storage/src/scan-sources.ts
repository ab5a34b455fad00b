// Which rows a scan reads and which of them are deleted, as of one moment: the memtables that hold the
// table, the parts that may hold rows of it in the range, and over each source the tombstones that are newer
// than its rows.

import type {TableId} from '@flotilla/base';
import type {Memtable} from './memtable.ts';
import type {RowRange} from './memtable-view.ts';
import {mayHold, type Part} from './part.ts';
import type {RowSourceOptions} from './row-source.ts';
import {type Mask, masksOfPart, overlaps, type Tombstone, wholeSource} from './tombstone.ts';

interface Sources {
  /** From the oldest to the newest, as are memtables. */
  readonly parts: readonly Part[];
  readonly memtables: readonly Memtable[];
  /** Those that were flushed. */
  readonly tombstones: readonly Tombstone[];
}

export function scanSources(
  {parts: all, memtables, tombstones: flushed}: Sources,
  table: TableId,
  range: RowRange,
): Pick<RowSourceOptions, 'parts' | 'memtables' | 'partMasks' | 'memtableMasks'> {
  // One of other times would be opened for nothing, and its index read.
  const parts = all.filter(({record}) => mayHold(record, table, range));
  const tombstones = [...flushed, ...memtables.flatMap((memtable) => memtable.tombstones)];
  const masks = masksOfMemtables(memtables, table, range);
  const present = memtables.flatMap((memtable, i) => {
    const view = memtable.table(table)?.view();
    return view === undefined ? [] : [{view, masks: masks[i]!}];
  });
  return {
    parts,
    memtables: present.map(({view}) => view),
    partMasks: parts.map(({record}) => masksOfPart(record, tombstones, {table, ...range})),
    memtableMasks: present.map((each) => each.masks),
  };
}

/** A memtable's own deletes mask the rows before them, those of newer memtables all its rows. */
function masksOfMemtables(
  memtables: readonly Memtable[],
  table: TableId,
  range: RowRange,
): (readonly Mask[])[] {
  const ofEach = memtables.map((memtable) =>
    memtable.masksOf(table).filter(({tombstone}) => overlaps(tombstone, range)),
  );
  return ofEach.map((own, i) => {
    const later = ofEach.slice(i + 1).flat();
    return [...own, ...later.map(({tombstone}) => wholeSource(tombstone))];
  });
}
