// A DELETE becomes one deletion for each replica set that may hold rows of its time range. Only what
// storage can keep as a tombstone is taken: a time range and a condition on tags, joined by AND.

import {type DatabaseId, type DbError, LIMITS, type ReplicaSetId} from '@flotilla/base';
import type {Deletion} from '@flotilla/column';
import type {DeleteStatement} from '../sql/ast.ts';
import {Binder} from './bind.ts';
import type {PlanCatalog} from './catalog-view.ts';
import {splitConjuncts} from './conjuncts.ts';
import {bucketRanges} from './fragments.ts';
import type {BoundExpression} from './plan.ts';
import {type PlanContext, resolveTable} from './plan-select.ts';
import type {TableScope} from './scope.ts';

export interface DeletePlan {
  readonly database: DatabaseId;
  readonly targets: readonly {readonly set: ReplicaSetId; readonly deletion: Deletion}[];
}

/** Throws QUERY_ERROR, TABLE_NOT_FOUND, DATABASE_NOT_FOUND or UNSUPPORTED with the place in the text. */
export function planDelete(
  statement: DeleteStatement,
  catalog: PlanCatalog,
  context: PlanContext,
): DeletePlan {
  const {scope, database} = resolveTable(statement, catalog, context);
  const {text, where} = statement;
  const binder = new Binder({text, nowNs: context.nowNs, scope, aliases: new Map()});
  const condition = binder.bindCondition(where, 'WHERE', 'WHERE');
  const conjuncts = splitConjuncts(condition, scope.inputs);
  const {rest, tags} = conjuncts;
  if (rest !== undefined) throw refusal(rest.op === 'and' ? rest.of[0]! : rest, scope, binder);
  const max = LIMITS.delete_condition_bytes_max.value;
  if (tags !== undefined && Buffer.byteLength(JSON.stringify(tags)) > max) {
    const message = `the condition on tags is over delete_condition_bytes_max (${max} bytes)`;
    throw binder.error(message, where.at, 'delete in several statements, or match by ~');
  }
  // What has expired too: a longer ttl may bring it back.
  const whole = {...database, expiredBeforeMs: undefined};
  const ranges = conjuncts.never ? [] : bucketRanges(catalog, whole, conjuncts);
  const table = scope.table.id;
  const targets = ranges.flatMap(({bucket, startOffset, endOffset}) =>
    bucket.replicaSets.map((set) => ({set, deletion: {table, startOffset, endOffset, tags}})),
  );
  return {database: database.id, targets};
}

function refusal(term: BoundExpression, scope: TableScope, binder: Binder): DbError {
  const field = inputsOf(term).find(({input}) => scope.inputs[input]?.source === 'field');
  const hint = 'WHERE takes a time range and conditions on tags, joined by AND';
  const [message, node] =
    field === undefined
      ? (['DELETE by this condition', term] as const)
      : (['DELETE by a field', field] as const);
  return binder.error(`${message} is not supported`, binder.placeOf(node), hint, 'UNSUPPORTED');
}

type Input = Extract<BoundExpression, {op: 'input'}>;

function inputsOf(expression: BoundExpression): Input[] {
  if (expression.op === 'input') return [expression];
  return 'of' in expression ? expression.of.flatMap(inputsOf) : [];
}
