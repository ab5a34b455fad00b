// INSERT becomes the same batch that a protocol's body does, so that it is written the same way.
// Columns and types are those of the table, which must exist: a quoted value alone does not say
// whether it is a tag or a string.

import {Buffer} from 'node:buffer';
import type {Column, Table} from '@flotilla/catalog';
import {
  type ColumnValues,
  type ParsedBatch,
  type ParsedField,
  ParsedSeries,
} from '@flotilla/column';
import {ColumnBuilder} from './execute/column-builder.ts';
import {constantVector} from './execute/compile.ts';
import {floorMod} from './execute/time-bins.ts';
import {ABSOLUTE, type Vector} from './execute/vector.ts';
import {Binder} from './plan/bind.ts';
import {convert} from './plan/bind-types.ts';
import {type Constant, isConstant, timeConstant} from './plan/constants.ts';
import type {ValueType} from './plan/plan.ts';
import {TableScope} from './plan/scope.ts';
import {suggestName} from './plan/suggest.ts';
import type {Expression, InsertStatement} from './sql/ast.ts';

export interface InsertContext {
  /** `now()`, and the time of rows that name none. */
  readonly nowMs: number;
}

type Target =
  | {readonly kind: 'time'}
  | {readonly kind: 'tag'; readonly name: string}
  | {readonly kind: 'field'; readonly name: string; readonly type: Column['type']};

/** Throws QUERY_ERROR with the place in the text: a statement is written whole or not at all. */
export function insertToBatch(
  statement: InsertStatement,
  table: Table,
  context: InsertContext,
): ParsedBatch {
  return new InsertConversion(statement, table, context).batch();
}

class InsertConversion {
  readonly #statement: InsertStatement;
  readonly #table: Table;
  readonly #nowNs: bigint;
  readonly #binder: Binder;
  readonly #targets: readonly Target[];
  readonly #series: ParsedSeries[] = [];
  readonly #seriesByKey = new Map<string, number>();
  readonly #fields = new Map<
    string,
    {rows: number[]; builder: ColumnBuilder; type: Column['type']}
  >();

  constructor(statement: InsertStatement, table: Table, context: InsertContext) {
    this.#statement = statement;
    this.#table = table;
    this.#nowNs = BigInt(Math.floor(context.nowMs)) * 1_000_000n;
    this.#binder = new Binder({
      text: statement.text,
      nowNs: this.#nowNs,
      scope: undefined,
      aliases: new Map(),
    });
    this.#targets = this.#resolveTargets();
  }

  #resolveTargets(): Target[] {
    const {columns, table} = this.#statement;
    const names = new TableScope(this.#table, table.name).columnNames();
    const listed = columns ?? names.map((name) => ({name, at: table.at}));
    const seen = new Set<string>();
    return listed.map(({name, at}) => {
      if (seen.has(name)) throw this.#binder.error(`column ${name} stands twice`, at);
      seen.add(name);
      if (name === 'time') return {kind: 'time'};
      const column = this.#table.columns.find((each) => each.name === name);
      if (column === undefined) {
        const hint = suggestName(name, names);
        throw this.#binder.error(`table ${this.#table.name} has no column ${name}`, at, hint);
      }
      return column.kind === 'tag' ? {kind: 'tag', name} : {kind: 'field', name, type: column.type};
    });
  }

  batch(): ParsedBatch {
    const {rows} = this.#statement;
    const seriesOfRow = new Int32Array(rows.length);
    const timesMs = new Float64Array(rows.length);
    const timesNs = new Int32Array(rows.length);
    rows.forEach((values, row) => {
      const {series, timeNs} = this.#addRow(values, row);
      seriesOfRow[row] = series;
      const rest = floorMod(timeNs, 1_000_000n);
      timesMs[row] = Number((timeNs - rest) / 1_000_000n);
      timesNs[row] = Number(rest);
    });
    const parsed = {
      table: this.#table.name,
      rowCount: rows.length,
      series: this.#series,
      seriesOfRow,
      timesMs,
      timesNs,
      lines: Uint32Array.from({length: rows.length}, (_, row) => row + 1),
      fields: this.#parsedFields(),
    };
    return {tables: [parsed], rowCount: rows.length, badLines: [], badLineCount: 0};
  }

  #addRow(values: readonly Expression[], row: number): {series: number; timeNs: bigint} {
    const first = values[0]?.at ?? 0;
    if (values.length !== this.#targets.length) {
      const counts = `${values.length} values for ${this.#targets.length} columns`;
      throw this.#binder.error(`row ${row + 1} has ${counts}`, first);
    }
    const tags: [string, string][] = [];
    let timeNs = this.#nowNs;
    let fieldCount = 0;
    this.#targets.forEach((target, i) => {
      const value = this.#constant(target, values[i]!);
      if (value === null) return;
      if (target.kind === 'time') timeNs = BigInt(value as string);
      else if (target.kind === 'tag') {
        if (value !== '') tags.push([target.name, String(value)]);
      } else {
        fieldCount++;
        this.#addField(target, values[i]!, row);
      }
    });
    if (fieldCount === 0) throw this.#binder.error(`row ${row + 1} has no field`, first);
    return {series: this.#seriesOf(tags), timeNs};
  }

  #constant(target: Target, expression: Expression): Constant['value'] {
    return this.#converted(target, expression).value;
  }

  #converted(target: Target, expression: Expression): Constant {
    const bound = this.#binder.bind(expression, 'VALUES');
    if (!isConstant(bound)) throw this.#binder.error('VALUES takes constants', expression.at);
    const type: ValueType =
      target.kind === 'time' ? 'time' : target.kind === 'tag' ? 'string' : target.type;
    if (bound.value === null || bound.type === type) return {...bound, type};
    if (type === 'time' && bound.type === 'integer')
      return timeConstant(BigInt(bound.value as string));
    const name = target.kind === 'time' ? 'time' : target.name;
    if (!mayBecome(bound.type, type, target.kind)) {
      throw this.#binder.error(`${name} takes ${type}, not ${bound.type}`, expression.at);
    }
    try {
      return convert(this.#binder, bound, type, expression.at) as Constant;
    } catch (error) {
      throw this.#binder.error(`${name}: ${(error as Error).message}`, expression.at);
    }
  }

  #addField(target: Extract<Target, {kind: 'field'}>, expression: Expression, row: number): void {
    const {name, type} = target;
    let field = this.#fields.get(name);
    if (field === undefined) {
      field = {rows: [], builder: new ColumnBuilder(type, ABSOLUTE), type};
      this.#fields.set(name, field);
    }
    const vector = constantVector(this.#converted(target, expression), ABSOLUTE);
    field.builder.set(field.rows.length, vector, 0);
    field.rows.push(row);
  }

  #seriesOf(tags: [string, string][]): number {
    const sorted = tags.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const key = JSON.stringify(sorted);
    const known = this.#seriesByKey.get(key);
    if (known !== undefined) return known;
    const names = sorted.map(([name]) => name);
    const texts = sorted.map(([, value]) => value);
    const index = this.#series.push(new ParsedSeries(this.#table.name, names, texts)) - 1;
    this.#seriesByKey.set(key, index);
    return index;
  }

  #parsedFields(): ParsedField[] {
    return [...this.#fields].map(([name, {rows, builder}]) => ({
      name,
      count: rows.length,
      rows: Int32Array.from(rows),
      values: columnValues(builder.toVector(rows.length)),
    }));
  }
}

/** Quoted text becomes what the column is; whole numbers become wider ones; nothing else is guessed. */
function mayBecome(from: ValueType, to: ValueType, kind: Target['kind']): boolean {
  if (from === 'string') return kind !== 'tag';
  if (to === 'float') return from === 'integer' || from === 'unsigned';
  return (from === 'integer' && to === 'unsigned') || (from === 'unsigned' && to === 'integer');
}

function columnValues(vector: Vector): ColumnValues {
  switch (vector.type) {
    case 'boolean':
    case 'float':
      return {type: vector.type, values: vector.values} as ColumnValues;
    case 'string': {
      const encoded = vector.values.map((text) => Buffer.from(text));
      const ends = new Uint32Array(encoded.length);
      let end = 0;
      encoded.forEach((text, i) => {
        end += text.length;
        ends[i] = end;
      });
      return {type: 'string', ends, bytes: new Uint8Array(Buffer.concat(encoded))};
    }
    default:
      return {type: vector.type, values: vector.values, wide: vector.wide} as ColumnValues;
  }
}
