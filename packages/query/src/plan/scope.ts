// What names mean inside one statement: the columns of its table, `time` first. The first use of a
// column makes it an input of the fragments; fields that nobody uses are never read.

import type {Column, Table} from '@flotilla/catalog';
import type {ScanSpec} from '@flotilla/column';
import type {BoundExpression, FragmentInput, ValueType} from './plan.ts';

/** Inputs from here on are aggregates, until grouping gives them their place. */
export const FIRST_AGGREGATE = 1_000_000;

export class TableScope {
  readonly table: Table;
  readonly alias: string;
  readonly inputs: FragmentInput[] = [];
  readonly fields: {column: Column['id']; type: Column['type']}[] = [];
  readonly #inputOfName = new Map<string, BoundExpression>();

  constructor(table: Table, alias: string) {
    this.table = table;
    this.alias = alias;
  }

  /** `time`, then tags, then fields, each in order of creation. */
  columnNames(): string[] {
    const of = (kind: Column['kind']) =>
      this.table.columns.filter((column) => column.kind === kind).map((column) => column.name);
    return ['time', ...of('tag'), ...of('field')];
  }

  /** Undefined where the table has no such column. Always a new node: places are kept by node. */
  column(name: string): BoundExpression | undefined {
    const known = this.#inputOfName.get(name);
    if (known !== undefined) return {...known};
    const made = this.#addInput(name);
    if (made === undefined) return undefined;
    const bound: BoundExpression = {op: 'input', type: made, input: this.inputs.length - 1};
    this.#inputOfName.set(name, bound);
    return {...bound};
  }

  #addInput(name: string): ValueType | undefined {
    if (name === 'time') {
      this.inputs.push({source: 'time'});
      return 'time';
    }
    const column = this.table.columns.find((each) => each.name === name);
    if (column === undefined) return undefined;
    if (column.kind === 'tag') {
      this.inputs.push({source: 'tag', column: column.id});
      return 'string';
    }
    this.fields.push({column: column.id, type: column.type});
    this.inputs.push({source: 'field', index: this.fields.length - 1, type: column.type});
    return column.type;
  }

  scanFields(): ScanSpec['fields'] {
    return this.fields;
  }
}
