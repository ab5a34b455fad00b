// Whether a replica's state can be one that was written. Its checksum says that the bytes came back as they were
// given, and a snapshot's come from another node: what follows from a state that cannot be would be files removed
// outside the replica's directory, memory by a number that nobody meant, or parts in an order in which old rows win.

import {shape} from '@flotilla/base';
import {deletionShape} from '@flotilla/column';
import {TRAILER_BYTES} from './part-format.ts';

const {absentOr, allOf, count, fieldsOf, integerOf, listOf, offset, textOf, wrong} = shape;

/** Of this replica's own directory, and of the form that `ReplicaFiles.nextName` gives. */
const FILE_NAMES = {part: /^\d{8,16}\.part$/, keys: /^\d{8,16}\.keys$/};
/** Ids of series are 32-bit numbers in memory. */
const SERIES_MAX = 2 ** 31 - 1;
/** Names are counted on from it. */
const NEXT_FILE_MAX = 2 ** 50;

/** Throws FatalError that names what cannot be. */
export function checkState(state: unknown): void {
  checkFields(state, 'replica state');
  const {nextFile, parts, keyFiles} = state as {nextFile: number; parts: Part[]; keyFiles: File[]};
  checkNames([...parts, ...keyFiles], nextFile);
  checkOrder(parts);
}

interface File {
  readonly file: string;
}

interface Part extends File {
  readonly lo: number;
  readonly hi: number;
}

const checksum = integerOf(0, 2 ** 32 - 1);

const checkFields = fieldsOf({
  point: absentOr(fieldsOf({index: count, term: count})),
  nextFile: integerOf(1, NEXT_FILE_MAX),
  parts: listOf(
    fieldsOf({
      file: textOf(FILE_NAMES.part),
      bytes: integerOf(TRAILER_BYTES, Number.MAX_SAFE_INTEGER),
      checksum: absentOr(checksum),
      lo: count,
      hi: count,
      cleanIndex: absentOr(count),
      mergedAs: absentOr(count),
      tables: listOf(
        fieldsOf({
          table: count,
          rowCount: count,
          seriesCount: integerOf(0, SERIES_MAX),
          minOffset: absentOr(offset),
          maxOffset: absentOr(offset),
        }),
      ),
    }),
  ),
  keyFiles: listOf(
    fieldsOf({
      file: textOf(FILE_NAMES.keys),
      bytes: count,
      checksum: absentOr(checksum),
      firstSeries: integerOf(0, SERIES_MAX),
      count: integerOf(0, SERIES_MAX),
    }),
  ),
  droppedTables: listOf(count),
  purgedTables: listOf(count),
  deadColumns: absentOr(listOf(fieldsOf({table: count, columns: listOf(count)}))),
  tombstones: absentOr(listOf(allOf(fieldsOf({index: count}), deletionShape))),
});

function checkNames(files: readonly File[], nextFile: number): void {
  const names = new Set<string>();
  for (const {file} of files) {
    if (names.has(file)) throw wrong('replica state', 'each file once', file);
    names.add(file);
    // The file that is written next would take its place.
    if (Number.parseInt(file, 10) >= nextFile)
      throw wrong('replica state.nextFile', `a number above that of ${file}`, nextFile);
  }
}

/** Which of two rows is the newer one goes by the order of parts. */
function checkOrder(parts: readonly Part[]): void {
  let end = 0;
  for (const {file, lo, hi} of parts) {
    if (lo < end || hi < lo)
      throw wrong(`replica state: ${file}`, `a range of the log from ${end} on`, [lo, hi]);
    end = hi;
  }
}
