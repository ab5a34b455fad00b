// What a query became: fragments to run where the data is, and what the coordinator makes of their
// results. All of a fragment is plain JSON, so it crosses nodes as it is. Numbers that JSON cannot
// carry (beyond ±2^53, NaN, Infinity, times in ns) are text inside constants.

import type {BucketId, ColumnId, ReplicaSetId} from '@flotilla/base';
import type {Precision} from '@flotilla/catalog';
import type {CardinalitySpec, ScanSpec} from '@flotilla/column';

export type ValueType = 'float' | 'integer' | 'unsigned' | 'boolean' | 'string' | 'time';

export type CallName =
  | 'abs'
  | 'round'
  | 'floor'
  | 'ceil'
  | 'coalesce'
  | 'lower'
  | 'upper'
  | 'length'
  | 'epoch';

/** A typed expression over numbered inputs. Times in it are units of the bucket's precision. */
export type BoundExpression =
  | {
      readonly op: 'constant';
      readonly type: ValueType;
      /** Floats as numbers or 'NaN', 'Infinity', '-Infinity'; integers and times (ns) as decimal text. */
      readonly value: string | number | boolean | null;
    }
  | {readonly op: 'input'; readonly type: ValueType; readonly input: number}
  | {
      readonly op: 'arithmetic';
      readonly type: 'float' | 'integer' | 'unsigned';
      readonly with: '+' | '-' | '*' | '/' | '%';
      /** Both of `type`. */
      readonly of: readonly [BoundExpression, BoundExpression];
    }
  | {
      readonly op: 'compare';
      readonly type: 'boolean';
      readonly with: '=' | '<>' | '<' | '<=' | '>' | '>=';
      /** Both of one type, or both numbers. */
      readonly of: readonly [BoundExpression, BoundExpression];
    }
  | {
      readonly op: 'and' | 'or' | 'not' | 'null';
      readonly type: 'boolean';
      readonly of: readonly BoundExpression[];
    }
  | {
      /** One of a list of texts, or of numbers inside ±2^53 as text. */
      readonly op: 'in';
      readonly type: 'boolean';
      readonly of: readonly [BoundExpression];
      readonly values: readonly string[];
    }
  | {
      readonly op: 'match';
      readonly type: 'boolean';
      readonly of: readonly [BoundExpression];
      readonly pattern: string;
      readonly ignoreCase: boolean;
    }
  /** Condition, result, condition, result, .., otherwise. */
  | {readonly op: 'case'; readonly type: ValueType; readonly of: readonly BoundExpression[]}
  | {readonly op: 'cast'; readonly type: ValueType; readonly of: readonly [BoundExpression]}
  | {
      readonly op: 'call';
      readonly type: ValueType;
      readonly name: CallName;
      readonly of: readonly BoundExpression[];
    }
  | {
      /** The start of the bin that holds the time. Bins begin at origin + n * width. */
      readonly op: 'bin';
      readonly type: 'time';
      readonly of: readonly [BoundExpression];
      readonly widthNs: string;
      readonly originNs: string;
    }
  | {
      /** As `bin`, of calendar months (UTC); the origin counts months since 1970-01. */
      readonly op: 'month-bin';
      readonly type: 'time';
      readonly of: readonly [BoundExpression];
      readonly months: number;
      readonly originMonth: number;
    }
  | {
      /** A time moved by an interval. */
      readonly op: 'shift';
      readonly type: 'time';
      readonly of: readonly [BoundExpression];
      readonly months: number;
      readonly ns: string;
    };

/** A column of the rows that expressions of a fragment see. */
export type FragmentInput =
  | {readonly source: 'time'}
  | {readonly source: 'tag'; readonly column: ColumnId}
  /** `index` into ScanSpec.fields. */
  | {readonly source: 'field'; readonly index: number; readonly type: ValueType};

export type AggregateName =
  | 'count'
  | 'sum'
  | 'avg'
  | 'min'
  | 'max'
  | 'first'
  | 'last'
  /** The value in the first or last row, null or not: DISTINCT ON. */
  | 'first-row'
  | 'last-row';

export interface AggregateSpec {
  readonly name: AggregateName;
  /** Absent: count(*). */
  readonly argument?: BoundExpression | undefined;
  /** Of the finished value. */
  readonly type: ValueType;
}

export interface SortKey {
  /** Index into the columns that are sorted. */
  readonly column: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** Rows as they are: the expressions of each row that passes. */
export interface RowsWork {
  readonly kind: 'rows';
  readonly columns: readonly BoundExpression[];
  /** With a limit: only the first `limit` rows in this order are wanted of each fragment. */
  readonly order: readonly SortKey[];
  /** LIMIT + OFFSET of the statement. */
  readonly limit?: number | undefined;
}

/** Partial aggregates by group. */
export interface GroupsWork {
  readonly kind: 'groups';
  readonly keys: readonly BoundExpression[];
  readonly aggregates: readonly AggregateSpec[];
}

/** The work on one replica set of one bucket. Plain JSON. */
export interface Fragment {
  readonly version: 1;
  readonly set: ReplicaSetId;
  readonly bucket: BucketId;
  /** Start of the bucket: offsets of the scan and times of expressions count from it. */
  readonly startMs: number;
  readonly precision: Precision;
  readonly scan: ScanSpec;
  /** 'series': one row for each series of the replica set's index, whatever its rows. Absent: rows. */
  readonly source?: 'series' | undefined;
  readonly inputs: readonly FragmentInput[];
  /** What is left of WHERE beside the time range and the tag predicate. */
  readonly filter?: BoundExpression | undefined;
  readonly work: RowsWork | GroupsWork;
}

/** Instead of reading: what the index of a replica set says of its series. Plain JSON. */
export interface CountFragment {
  readonly version: 1;
  readonly set: ReplicaSetId;
  readonly source: 'cardinality';
  readonly count: CardinalitySpec;
}

/** What is asked of one replica of a set. */
export type SetFragment = Fragment | CountFragment;

export interface OutputColumn {
  readonly name: string;
  readonly type: ValueType;
}

/** The coordinator's part for groups: expressions over [keys.., finished aggregates..]. */
export interface GroupsMerge {
  readonly kind: 'groups';
  readonly keys: readonly BoundExpression[];
  readonly aggregates: readonly AggregateSpec[];
  readonly having?: BoundExpression | undefined;
  /** Output columns, then what is only sorted by. */
  readonly columns: readonly BoundExpression[];
}

/** The coordinator's part for rows: fragments have sent the output columns, then the sort-only ones. */
export interface RowsMerge {
  readonly kind: 'rows';
  readonly columns: readonly BoundExpression[];
}

export interface QueryPlan {
  /** No FROM: one row of constants, no fragments. */
  readonly constant: boolean;
  readonly fragments: readonly Fragment[];
  readonly merge: GroupsMerge | RowsMerge;
  /** Names and types of the answer; merge.columns may be more. */
  readonly output: readonly OutputColumn[];
  readonly order: readonly SortKey[];
  readonly limit?: number | undefined;
  readonly offset: number;
}

export const UNIT_NS: Readonly<Record<Precision, number>> = {ns: 1, us: 1_000, ms: 1_000_000};
