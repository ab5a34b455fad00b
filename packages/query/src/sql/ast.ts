// The project's own syntax tree: what both parsers make of a text, and all that the planner knows of
// it. Small on purpose: a construct without a node here is refused by name where it is parsed.
// `at` counts characters (UTF-16 units) of the text from 0.

import type {ColumnType, FailoverMode, Precision, TableChange} from '@flotilla/catalog';

export type Literal =
  | {readonly type: 'null'}
  | {readonly type: 'boolean'; readonly value: boolean}
  | {readonly type: 'string'; readonly value: string}
  /** Any size; the binder chooses integer, unsigned or refuses. */
  | {readonly type: 'integer'; readonly value: bigint}
  | {readonly type: 'float'; readonly value: number}
  /** Nanoseconds since the epoch. */
  | {readonly type: 'time'; readonly value: bigint}
  | {readonly type: 'interval'; readonly months: number; readonly ns: bigint};

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%';
export type CompareOperator = '=' | '<>' | '<' | '<=' | '>' | '>=';
export type CastType = 'float' | 'integer' | 'unsigned' | 'boolean' | 'string' | 'time';

interface At {
  readonly at: number;
}

export type Expression =
  | (At & {readonly kind: 'literal'; readonly literal: Literal})
  | (At & {readonly kind: 'column'; readonly qualifier?: string | undefined; readonly name: string})
  | (At & {readonly kind: 'negate' | 'not'; readonly of: Expression})
  | (At & {
      readonly kind: 'arithmetic';
      readonly operator: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (At & {
      readonly kind: 'compare';
      readonly operator: CompareOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (At & {readonly kind: 'and' | 'or'; readonly of: readonly Expression[]})
  | (At & {readonly kind: 'is-null'; readonly of: Expression})
  | (At & {readonly kind: 'in'; readonly of: Expression; readonly list: readonly Expression[]})
  | (At & {
      /** `like` patterns have % and _; `match` ones are regular expressions. */
      readonly kind: 'like' | 'match';
      readonly of: Expression;
      readonly pattern: Expression;
      readonly ignoreCase: boolean;
    })
  | (At & {
      readonly kind: 'case';
      readonly whens: readonly {readonly when: Expression; readonly result: Expression}[];
      readonly otherwise?: Expression | undefined;
    })
  | (At & {readonly kind: 'cast'; readonly of: Expression; readonly type: CastType})
  | (At & {
      readonly kind: 'call';
      /** Lower case. */
      readonly name: string;
      readonly args: readonly Expression[];
      /** count(*). */
      readonly star: boolean;
    });

export interface TableName extends At {
  readonly database?: string | undefined;
  readonly name: string;
}

export type SelectItem =
  | (At & {readonly kind: 'star'; readonly qualifier?: string | undefined})
  | (At & {
      readonly kind: 'expression';
      readonly expression: Expression;
      readonly alias?: string | undefined;
    });

export interface OrderItem {
  readonly expression: Expression;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

export interface SelectStatement {
  readonly kind: 'select';
  readonly distinct: boolean;
  /** DISTINCT ON (..): the first row, in the order of ORDER BY, of each value of these. */
  readonly distinctOn: readonly Expression[];
  readonly items: readonly SelectItem[];
  /** Absent: one row of constants. */
  readonly from?: (TableName & {readonly alias?: string | undefined}) | undefined;
  readonly where?: Expression | undefined;
  readonly groupBy: readonly Expression[];
  readonly having?: Expression | undefined;
  readonly orderBy: readonly OrderItem[];
  readonly limit?: number | undefined;
  readonly offset: number;
  /** The text that was parsed, for messages of the binder. */
  readonly text: string;
}

export interface InsertStatement {
  readonly kind: 'insert';
  readonly table: TableName;
  /** Absent: all columns in the order of the table. */
  readonly columns?: readonly (At & {readonly name: string})[] | undefined;
  readonly rows: readonly (readonly Expression[])[];
  readonly text: string;
}

export interface DeleteStatement {
  readonly kind: 'delete';
  readonly from: TableName & {readonly alias?: string | undefined};
  readonly where: Expression;
  readonly text: string;
}

/** What series a table has, or values of their tags: a query of its own kind. */
export type SeriesStatement = {
  readonly table: TableName;
  readonly where?: Expression | undefined;
  readonly orderBy: readonly OrderItem[];
  readonly limit?: number | undefined;
  readonly offset: number;
  readonly text: string;
} & (
  | {readonly kind: 'show-series'}
  | {
      readonly kind: 'show-tag-values';
      readonly keys: {
        /** False: all tags but these. */
        readonly isListed: boolean;
        readonly names: readonly (At & {readonly text: string})[];
      };
    }
);

/** Which replica sets the query would read, and why. */
export interface ExplainStatement {
  readonly kind: 'explain';
  readonly select: SelectStatement;
}

/** Only what the statement names; null takes a ttl or a bound away. */
export interface DatabaseOptionsChange {
  readonly ttlMs?: number | null | undefined;
  readonly shards?: number | 'auto' | undefined;
  readonly bucketDurationMs?: number | undefined;
  readonly replicas?: number | undefined;
  readonly precision?: Precision | undefined;
  readonly failover?: FailoverMode | undefined;
  readonly maxSeries?: number | null | undefined;
}

export type AdminStatement =
  | {
      readonly kind: 'create-database';
      readonly name: string;
      readonly ifNotExists: boolean;
      readonly options: DatabaseOptionsChange;
    }
  | {
      readonly kind: 'alter-database';
      readonly name: string;
      readonly options: DatabaseOptionsChange;
    }
  | {
      readonly kind: 'drop-database';
      readonly name: string;
      readonly ifExists: boolean;
      /** How long the trash keeps it; absent: `trash_retention_ms`. */
      readonly afterMs?: number | undefined;
    }
  | {
      readonly kind: 'drop-table';
      readonly table: TableName;
      readonly ifExists: boolean;
      readonly afterMs?: number | undefined;
    }
  | {
      readonly kind: 'create-table';
      readonly table: TableName;
      readonly ifNotExists: boolean;
      readonly tags: readonly string[];
      readonly fields: readonly {readonly name: string; readonly type: ColumnType}[];
    }
  | {readonly kind: 'alter-table'; readonly table: TableName; readonly change: TableChange}
  | {
      readonly kind: 'create-tenant';
      readonly name: string;
      readonly ifNotExists: boolean;
      readonly comment?: string | undefined;
    }
  | {readonly kind: 'alter-tenant'; readonly name: string; readonly comment: string}
  | {
      readonly kind: 'drop-tenant';
      readonly name: string;
      readonly ifExists: boolean;
      readonly afterMs?: number | undefined;
    }
  | {
      readonly kind: 'recover-database' | 'recover-tenant';
      readonly name: string;
      readonly ifExists: boolean;
      /** A new name for it. */
      readonly as?: string | undefined;
    }
  | {
      readonly kind: 'recover-table';
      readonly table: TableName;
      readonly ifExists: boolean;
      readonly as?: string | undefined;
    }
  | {readonly kind: 'describe-tenant'; readonly name: string}
  | {readonly kind: 'show-tenants'}
  | {
      readonly kind: 'show-tag-keys';
      readonly database?: string | undefined;
      /** Absent: of all tables. */
      readonly table?: TableName | undefined;
    }
  | {
      readonly kind: 'show-cardinality';
      readonly database?: string | undefined;
      /** Absent: of all tables. */
      readonly table?: TableName | undefined;
      /** Of each list; absent: as many as are shown by default. */
      readonly limit?: number | undefined;
    }
  | {readonly kind: 'describe-database'; readonly name: string}
  | {readonly kind: 'describe-table'; readonly table: TableName}
  | {readonly kind: 'show-databases'}
  | {readonly kind: 'show-tables'; readonly database?: string | undefined}
  | {readonly kind: 'show-replicas'}
  | {readonly kind: 'show-operations'}
  | {readonly kind: 'order'; readonly order: ReplicaOrder};

/** Work on replica sets and their replicas, named by their ids. CnosDB's vnode is a replica, its group a set. */
export type ReplicaOrder =
  | {readonly type: 'add-replica' | 'transfer-leader'; readonly set: number; readonly node: number}
  | {readonly type: 'remove-replica-on'; readonly set: number; readonly node: number}
  | {
      readonly type: 'move-replica' | 'copy-replica';
      readonly replica: number;
      readonly node: number;
    }
  | {readonly type: 'remove-replica'; readonly replica: number}
  /** With it the other replicas of its set. */
  | {readonly type: 'compact'; readonly replicas: readonly number[]}
  | {readonly type: 'checksum' | 'destroy'; readonly set: number};

export type Statement =
  | SelectStatement
  | InsertStatement
  | DeleteStatement
  | SeriesStatement
  | ExplainStatement
  | AdminStatement;
