// Whether a replica's state can be one that was written. Its checksum says that the bytes came back as they were
// given, and a snapshot's come from another node: what follows from a state that cannot be would be files removed
// outside the replica's directory, memory by a number that nobody meant, or parts in an order in which old rows win.

import {FatalError} from '@flotilla/base';
import {TRAILER_BYTES} from './part-format.ts';

type Check = (value: unknown, path: string) => void;
type Fields = Readonly<Record<string, unknown>>;

/** Of this replica's own directory, and of the form that `ReplicaFiles.nextName` gives. */
const FILE_NAMES = {part: /^\d{8,16}\.part$/, keys: /^\d{8,16}\.keys$/};
/** Ids of series are 32-bit numbers in memory. */
const SERIES_MAX = 2 ** 31 - 1;
/** Names are counted on from it. */
const NEXT_FILE_MAX = 2 ** 50;
/** Of conditions in each other, which are carried out by recursion. */
const DEPTH_MAX = 1_000;

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

function wrong(path: string, want: string, have: unknown): FatalError {
  const text = JSON.stringify(have) ?? 'nothing';
  const told = text.length > 60 ? `${text.slice(0, 60)}..` : text;
  return new FatalError(`${path}: want ${want}; have ${told}`);
}

const between =
  (min: number, max: number): Check =>
  (value, path) => {
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
      throw wrong(path, `an integer of ${min} to ${max}`, value);
  };
const count = between(0, Number.MAX_SAFE_INTEGER);
const checksum = between(0, 2 ** 32 - 1);
const offset = between(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const anything: Check = () => {};

const named =
  (form: RegExp): Check =>
  (value, path) => {
    if (typeof value !== 'string' || !form.test(value)) throw wrong(path, `${form}`, value);
  };

const absentOr =
  (check: Check): Check =>
  (value, path) => {
    if (value !== undefined) check(value, path);
  };

const listOf =
  (check: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) throw wrong(path, 'a list', value);
    for (let i = 0; i < value.length; i++) check(value[i], `${path}[${i}]`);
  };

/** Others are left as they are: a newer build may have written them. */
const fieldsOf = (checks: Readonly<Record<string, Check>>): Check => {
  const entries = Object.entries(checks);
  return (value, path) => {
    if (typeof value !== 'object' || value === null) throw wrong(path, 'an object', value);
    for (const [name, check] of entries) check((value as Fields)[name], `${path}.${name}`);
  };
};

const tags: Check = (value, path) => checkTags(value, path, 0);

const checkFields = fieldsOf({
  point: absentOr(fieldsOf({index: count, term: count})),
  nextFile: between(1, NEXT_FILE_MAX),
  parts: listOf(
    fieldsOf({
      file: named(FILE_NAMES.part),
      bytes: between(TRAILER_BYTES, Number.MAX_SAFE_INTEGER),
      checksum: absentOr(checksum),
      lo: count,
      hi: count,
      cleanIndex: absentOr(count),
      mergedAs: absentOr(count),
      tables: listOf(
        fieldsOf({
          table: count,
          rowCount: count,
          seriesCount: between(0, SERIES_MAX),
          minOffset: absentOr(offset),
          maxOffset: absentOr(offset),
        }),
      ),
    }),
  ),
  keyFiles: listOf(
    fieldsOf({
      file: named(FILE_NAMES.keys),
      bytes: count,
      checksum: absentOr(checksum),
      firstSeries: between(0, SERIES_MAX),
      count: between(0, SERIES_MAX),
    }),
  ),
  droppedTables: listOf(count),
  purgedTables: listOf(count),
  deadColumns: absentOr(listOf(fieldsOf({table: count, columns: listOf(count)}))),
  tombstones: absentOr(
    listOf(
      fieldsOf({
        index: count,
        table: count,
        startOffset: offset,
        endOffset: offset,
        tags: absentOr(tags),
      }),
    ),
  ),
});

const text: Check = (value, path) => {
  if (typeof value !== 'string') throw wrong(path, 'a text', value);
};

const LEAVES: Readonly<Record<string, Check>> = {
  in: fieldsOf({column: count, values: listOf(text)}),
  compare: fieldsOf({column: count, with: named(/^[<>]=?$/), value: text}),
  match: fieldsOf({column: count, pattern: text, ignoreCase: anything}),
  null: fieldsOf({column: count}),
};

/** A `TagPredicate`. */
function checkTags(value: unknown, path: string, depth: number): void {
  const {op, of} = (value ?? {}) as Fields;
  const inner: Check = (each, at) => checkTags(each, at, depth + 1);
  if (depth > DEPTH_MAX) throw wrong(path, `conditions no deeper than ${DEPTH_MAX}`, op);
  if (op === 'not') return inner(of, path);
  if (op === 'and' || op === 'or') return listOf(inner)(of, path);
  const leaf = typeof op === 'string' && Object.hasOwn(LEAVES, op) ? LEAVES[op] : undefined;
  if (leaf === undefined) throw wrong(`${path}.op`, 'a condition', op);
  leaf(value, path);
}

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
