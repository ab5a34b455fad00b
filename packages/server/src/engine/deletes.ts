// DELETE: planned with the catalog as the meta group has it now, so that no bucket is overlooked whose
// rows were acknowledged before; then one deletion to each replica set, and their outcomes as one.

import {DbError, ERRORS} from '@flotilla/base';
import {type DeletePlan, type DeleteStatement, planDelete, type ResultBatch} from '@flotilla/query';
import type {DeleteOutcome} from '@flotilla/router';
import {findDatabase} from './catalog-access.ts';
import type {SqlServiceDeps, StatementContext} from './statement-context.ts';
import {textRows} from './text-rows.ts';

/** Times that replica sets are looked up anew where some were dropped under the statement. */
const PASSES_MAX = 4;
const REPLICA_SETS_LISTED = 100;

export class Deletes {
  readonly #deps: Pick<SqlServiceDeps, 'access' | 'router' | 'clock'>;

  constructor(deps: Pick<SqlServiceDeps, 'access' | 'router' | 'clock'>) {
    this.#deps = deps;
  }

  /** Answers with how many replica sets have it; rejects if any has not, or may not have. */
  async run(
    statement: DeleteStatement,
    {call, deadlineMs}: StatementContext,
  ): Promise<AsyncIterable<ResultBatch>> {
    const {access, router, clock} = this.#deps;
    const nowNs = BigInt(Math.floor(clock.wallMs())) * 1_000_000n;
    const plan = async (): Promise<DeletePlan['targets']> => {
      await access.refresh(deadlineMs);
      const {tenant, id} = await findDatabase(access, call, deadlineMs);
      return planDelete(statement, access.catalog, {tenant, database: id, nowNs}).targets;
    };
    const settled: DeleteOutcome[] = [];
    let targets = await plan();
    for (let pass = 1; ; pass++) {
      const outcomes = await router.delete(targets, deadlineMs);
      const dropped = pass < PASSES_MAX ? outcomes.filter(isOutdated) : [];
      settled.push(...outcomes.filter((each) => !dropped.includes(each)));
      if (dropped.length === 0) break;
      const again = new Set(dropped.map(({set}) => set));
      try {
        // A set that is not planned for any more has no rows to delete.
        targets = (await plan()).filter(({set}) => again.has(set));
      } catch (error) {
        if (!(error instanceof DbError)) throw error;
        // Others have deleted: that must be told with it.
        settled.push(...dropped.map((each) => ({...each, error})));
        break;
      }
    }
    const error = deleteError(settled);
    if (error !== undefined) throw error;
    return textRows([{name: 'replica_sets', type: 'integer'}], [[settled.length]]);
  }
}

function isOutdated({error}: DeleteOutcome): boolean {
  return error?.code === 'STALE_EPOCH';
}

/** An unknown outcome beats what can be retried, which beats the rest; undefined if all is deleted. */
export function deleteError(outcomes: readonly DeleteOutcome[]): DbError | undefined {
  const failed = outcomes.filter(({error}) => error !== undefined);
  const worst =
    failed.find(({outcome}) => outcome === 'unknown') ??
    failed.find(({error}) => ERRORS[error!.code].retry !== 'never') ??
    failed[0];
  if (worst?.error === undefined) return undefined;
  const {code, message} = worst.error;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more replica sets)` : '';
  const done = `${outcomes.length - failed.length} of ${outcomes.length} replica sets have deleted`;
  const again =
    ERRORS[code].retry === 'never'
      ? ''
      : '; sent again, it also deletes what was written in between';
  return new DbError(code, `${message}${more}; ${done}${again}`, {
    deleted: outcomes.length - failed.length,
    replicaSets: failed.slice(0, REPLICA_SETS_LISTED).map(({set, outcome, error}) => ({
      id: String(set),
      outcome,
      code: error?.code,
    })),
  });
}
