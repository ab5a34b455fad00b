export {
  type ExecuteOptions,
  executeFragment,
  type FragmentBatches,
} from './execute/execute-fragment.ts';
export {QueriesMemory} from './execute/memory.ts';
export {
  type Cardinality,
  type CardinalityTerms,
  mergeCardinality,
} from './execute/merge-cardinality.ts';
export {
  type MergeOptions,
  mergeResults,
  type ResultBatch,
  type ResultColumn,
} from './execute/merge-results.ts';
export {STREAMS_AT_ONCE} from './execute/streams.ts';
export type {Vector} from './execute/vector.ts';
export {CONTENT_TYPES, formatResult, type ResultFormat} from './format/format-result.ts';
export {type InsertContext, insertToBatch} from './insert-batch.ts';
export type {PlanCatalog} from './plan/catalog-view.ts';
export {type ExplainedSet, explainSelect} from './plan/explain-select.ts';
export type {
  CountFragment,
  Fragment,
  OutputColumn,
  QueryPlan,
  SetFragment,
  ValueType,
} from './plan/plan.ts';
export {planCardinality} from './plan/plan-cardinality.ts';
export {type DeletePlan, planDelete} from './plan/plan-delete.ts';
export {type PlanContext, planSelect} from './plan/plan-select.ts';
export {planQuery, type ShapedPlan} from './plan/plan-series.ts';
export type {
  AdminStatement,
  DatabaseOptionsChange,
  DeleteStatement,
  ExplainStatement,
  InsertStatement,
  ReplicaOrder,
  SelectStatement,
  SeriesStatement,
  Statement,
  TableName,
} from './sql/ast.ts';
export {parseStatement} from './sql/parse-statement.ts';
export {loadSqlParser} from './sql/postgres-tree.ts';
