// How the columns of a Parquet file become those of a table: DuckDB is asked for each in the one form that the table
// has it in, and for each row for what is wrong with it. Whatever has no exact form there is refused, a column by its
// name, a value with its row: nothing is rounded, and nothing is left out in silence.

import {UsageError} from '../terminal.ts';
import type {ColumnTypes} from './import-bodies.ts';
import type {TimeUnit} from './row-points.ts';
import type {FieldType, TableShape} from './table-shape.ts';

/** A column as DuckDB describes it. */
export interface FileColumn {
  readonly name: string;
  readonly type: string;
  /** It is stored finer than DuckDB reads it. */
  readonly isCut?: boolean | undefined;
}

export interface LayoutTerms {
  readonly table: string;
  /** Of the columns whose types are known. */
  readonly types: ColumnTypes;
  /** Of the others, which are tags. */
  readonly tags: readonly string[];
  /** Of times that are whole numbers. */
  readonly unit: TimeUnit;
  /** The largest that a row may have. */
  readonly limits: {
    /** Nanoseconds, either way of 1970. */
    readonly timeNs: bigint;
    readonly textBytes: number;
    readonly rowTextBytes: number;
  };
}

export interface ParquetLayout {
  readonly shape: TableShape;
  /** What selects, of a row with columns c0 and so on: the time, tags and fields of the shape, and `fault`. */
  readonly select: (from: string) => string;
}

const SIGNED = new Set(['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT']);
const UNSIGNED = new Set(['UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT']);
const FLOATS = new Set(['FLOAT', 'DOUBLE']);
const TIMESTAMPS = new Set([
  'TIMESTAMP',
  'TIMESTAMP_S',
  'TIMESTAMP_MS',
  'TIMESTAMP WITH TIME ZONE',
  'DATE',
]);
/** Whole numbers beyond it have neighbours that a double cannot tell from them. */
const EXACT_MAX = 2 ** 53;
const LENGTH_BYTES_MAX = 5;
const NS_PER_UNIT: Readonly<Record<TimeUnit, number>> = {ns: 1, us: 1e3, ms: 1e6, s: 1e9};

/** Throws UsageError where a column has no form in a table. */
export function layoutOf(columns: readonly FileColumn[], terms: LayoutTerms): ParquetLayout {
  const timeAt = columns.findIndex(({name}) => name === 'time');
  if (timeAt === -1) throw new UsageError('the file has no column `time`');
  const missing = terms.tags.find((tag) => !columns.some(({name}) => name === tag));
  if (missing !== undefined) throw new UsageError(`--tags: the file has no column "${missing}"`);
  const others = columns.flatMap((column, place) => {
    if (place === timeAt) return [];
    const kind = kindOf(column, terms);
    return [{...column, kind, item: `c${place}`, value: valueText(column, kind, `c${place}`)}];
  });
  const tags = others.filter(({kind}) => kind === 'tag');
  const fields = others.filter(({kind}) => kind !== 'tag');
  if (fields.length === 0) throw new UsageError('the file has no field: rows have at least one');
  const shape = {
    name: terms.table,
    tags: tags.map(({name}) => name),
    fields: fields.map(({name, kind}) => ({name, type: kind as FieldType})),
  };
  const time = {item: `c${timeAt}`, value: timeText(columns[timeAt]!, `c${timeAt}`, terms.unit)};
  return {shape, select: (from) => selectText(from, {time, tags, fields}, terms.limits)};
}

type Kind = 'tag' | FieldType;

function kindOf({name, type, isCut}: FileColumn, {types, tags}: LayoutTerms): Kind {
  const known = types.get(name);
  if (tags.includes(name)) {
    if (known === undefined || known === 'tag') return 'tag';
    throw new UsageError(`--tags: "${name}" is a field of the table`);
  }
  if (known !== undefined) return known;
  const found = isCut === true ? undefined : ownKindOf(type);
  if (found !== undefined) return found;
  throw new UsageError(`column "${name}" is ${type}, which no field holds: ${NEXT}`);
}

const NEXT =
  'write the file without it, or cast it to a boolean, an integer, a float or a text before';

function ownKindOf(type: string): FieldType | undefined {
  if (SIGNED.has(type)) return 'integer';
  if (UNSIGNED.has(type)) return 'unsigned';
  if (FLOATS.has(type)) return 'float';
  if (type === 'BOOLEAN') return 'boolean';
  return isText(type) ? 'string' : undefined;
}

/** An ENUM, as DuckDB writes it where pandas has a category, is a text of a dictionary. */
function isText(type: string): boolean {
  return type === 'VARCHAR' || type === 'JSON' || type.startsWith('ENUM(');
}

/** Null of a value that has no exact form. Throws UsageError where none of the column can have one. */
function valueText({name, type}: FileColumn, kind: Kind, item: string): string {
  const isWhole = SIGNED.has(type) || UNSIGNED.has(type);
  const text = formOf(kind, {type, isWhole}, item);
  if (text !== undefined) return text;
  throw new UsageError(
    kind === 'tag'
      ? `column "${name}" is ${type}: tags are texts, booleans or whole numbers`
      : `column "${name}" is ${type}, and of the table it is a field of type ${kind}`,
  );
}

function formOf(
  kind: Kind,
  {type, isWhole}: {readonly type: string; readonly isWhole: boolean},
  item: string,
): string | undefined {
  switch (kind) {
    // As bytes: of the texts that DuckDB makes of them the first letter may be missing, if it marks the byte order.
    case 'tag':
      return isText(type) || isWhole || type === 'BOOLEAN'
        ? `encode(CAST(${item} AS VARCHAR))`
        : undefined;
    case 'string':
      return isText(type) ? `encode(CAST(${item} AS VARCHAR))` : undefined;
    case 'boolean':
      return type === 'BOOLEAN' ? item : undefined;
    case 'float':
      if (FLOATS.has(type)) return `CAST(${item} AS DOUBLE)`;
      return isWhole
        ? `CASE WHEN abs(CAST(${item} AS HUGEINT)) <= ${EXACT_MAX} THEN CAST(${item} AS DOUBLE) END`
        : undefined;
    default: {
      const sql = kind === 'integer' ? 'BIGINT' : 'UBIGINT';
      if (isWhole) return `TRY_CAST(${item} AS ${sql})`;
      return FLOATS.has(type)
        ? `CASE WHEN ${item} = trunc(${item}) AND abs(${item}) <= ${EXACT_MAX} THEN TRY_CAST(${item} AS ${sql}) END`
        : undefined;
    }
  }
}

/** Nanoseconds; null of what is out of their range. */
function timeText({type, isCut}: FileColumn, item: string, unit: TimeUnit): string {
  if (isCut === true)
    throw new UsageError(
      `column \`time\` has nanoseconds as ${type}, of which DuckDB reads microseconds: write it as a timestamp of nanoseconds without a time zone`,
    );
  if (type === 'TIMESTAMP_NS') return `epoch_ns(${item})`;
  if (TIMESTAMPS.has(type)) {
    const stamp = type.startsWith('TIMESTAMP WITH') ? item : `CAST(${item} AS TIMESTAMP)`;
    const us = `CAST(epoch_us(${stamp}) AS HUGEINT)`;
    return `CASE WHEN isfinite(${stamp}) THEN TRY_CAST(${us} * 1000 AS BIGINT) END`;
  }
  if (SIGNED.has(type) || UNSIGNED.has(type))
    return `TRY_CAST(CAST(${item} AS HUGEINT) * ${NS_PER_UNIT[unit]} AS BIGINT)`;
  throw new UsageError(
    `column \`time\` is ${type}: want a timestamp, or whole numbers in --precision`,
  );
}

interface Taken {
  readonly item: string;
  readonly value: string;
}
type TakenColumn = Taken & {readonly name: string; readonly kind: Kind};

function selectText(
  from: string,
  {
    time,
    tags,
    fields,
  }: {
    readonly time: Taken;
    readonly tags: readonly TakenColumn[];
    readonly fields: readonly TakenColumn[];
  },
  limits: LayoutTerms['limits'],
): string {
  const all = [time, ...tags, ...fields];
  const values = all.map(({value}, i) => `${value} AS v${i}`);
  const items = all.map(({item}, i) => `${item} AS i${i}`);
  const inner = `SELECT ${[...values, ...items].join(', ')} FROM ${from}`;
  const faults = faultText([...tags, ...fields], {tags: tags.length, limits});
  return `SELECT ${all.map((_, i) => `v${i}`).join(', ')}, ${faults} AS fault FROM (${inner})`;
}

/** What is wrong with a row; null: nothing. */
function faultText(
  columns: readonly TakenColumn[],
  {tags, limits}: {readonly tags: number; readonly limits: LayoutTerms['limits']},
): string {
  const {timeNs, textBytes, rowTextBytes} = limits;
  const cases = [
    "WHEN i0 IS NULL THEN 'it has no time'",
    `WHEN v0 IS NULL OR v0 NOT BETWEEN -${timeNs} AND ${timeNs} THEN 'the time ' || CAST(i0 AS VARCHAR) || ' is out of range'`,
  ];
  for (const [i, {name, kind}] of columns.entries()) {
    const [value, item] = [`v${i + 1}`, `i${i + 1}`];
    const words = `'${name.replaceAll("'", "''")}: '`;
    if (kind === 'tag') continue;
    if (kind === 'string')
      cases.push(
        `WHEN octet_length(${value}) > ${textBytes} THEN ${words} || octet_length(${value}) || ' bytes, at most ${textBytes}'`,
      );
    else
      cases.push(
        `WHEN ${value} IS NULL AND ${item} IS NOT NULL THEN ${words} || CAST(${item} AS VARCHAR) || ' is no value of type ${kind}'`,
      );
  }
  const lengths = (of: Kind): string[] =>
    columns.flatMap(({kind}, i) => (kind === of ? [`coalesce(octet_length(v${i + 1}), 0)`] : []));
  for (const [of, most] of [
    // Each with its length before it.
    ['tag', textBytes - tags * LENGTH_BYTES_MAX],
    ['string', rowTextBytes],
  ] as const) {
    const sum = lengths(of);
    if (sum.length > 0)
      cases.push(
        `WHEN ${sum.join(' + ')} > ${most} THEN 'its ${of}s have more than ${most} bytes'`,
      );
  }
  const fields = columns.map((_, i) => `v${i + 1} IS NULL`).slice(tags);
  cases.push(`WHEN ${fields.join(' AND ')} THEN 'no field has a value'`);
  return `CASE ${cases.join(' ')} END`;
}
