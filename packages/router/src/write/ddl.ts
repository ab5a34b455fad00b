// What a write asks of meta before it can be placed: tables, columns and buckets that are missing.

import {type DatabaseId, DbError, type ErrorCode} from '@flotilla/base';
import type {
  ColumnOutcome,
  Command,
  CommandValue,
  TableOutcome,
  TableRequest,
} from '@flotilla/catalog';
import {noRoom} from './column-room.ts';
import {type Refusal, refusalKey} from './refusal.ts';

/** Meta's answers to a wish for a bucket that no retry mends: reasons of lines. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['BUCKET_LIMIT', 'TIME_EXPIRED']);

/** What DDL needs of meta. When one of these resolves, this thread's copy of the catalog holds what was done. */
export interface MetaProposer {
  propose<C extends Command>(command: C, deadlineMs: number): Promise<CommandValue<C>>;
  /** The bucket that holds the time, made if it is not there. */
  ensureBucket(database: DatabaseId, timeMs: number, deadlineMs: number): Promise<void>;
  /** Brings this thread's copy of the catalog up to what is committed now. */
  refresh(deadlineMs: number): Promise<void>;
}

export interface Ensured {
  /** By `refusalKey(table, column)`; the column is '' where the whole table was refused. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  /** Tables that have not room for all the columns they were asked for: nothing was made of those. */
  readonly overLimit: ReadonlySet<string>;
}

export class MetaDdl {
  readonly #meta: MetaProposer;

  constructor(meta: MetaProposer) {
    this.#meta = meta;
  }

  /** Of each table all the columns that are asked for are made, as far as they are none too many, or nothing. */
  async ensureTables(
    database: DatabaseId,
    tables: readonly TableRequest[],
    deadlineMs: number,
  ): Promise<Ensured> {
    const command = {type: 'ensure-tables', database, tables, allOrNothing: true} as const;
    const {tables: outcomes} = await nothingWritten(this.#meta.propose(command, deadlineMs));
    const refusals = new Map<string, Refusal>();
    const overLimit = new Set<string>();
    for (const [i, outcome] of outcomes.entries()) {
      const request = tables[i]!;
      if ('error' in outcome && outcome.error === 'COLUMN_LIMIT') overLimit.add(request.name);
      else noteRefusals(request, outcome, refusals);
    }
    return {refusals, overLimit};
  }

  /** The bucket that holds `timeMs`; what refuses it for good is a value. */
  async ensureBucket(
    database: DatabaseId,
    timeMs: number,
    deadlineMs: number,
  ): Promise<Refusal | undefined> {
    try {
      await nothingWritten(this.#meta.ensureBucket(database, timeMs, deadlineMs));
      return undefined;
    } catch (error) {
      if (!(error instanceof DbError) || !REFUSALS.has(error.code)) throw error;
      return {code: error.code, reason: error.message};
    }
  }

  refresh(deadlineMs: number): Promise<void> {
    return nothingWritten(this.#meta.refresh(deadlineMs));
  }
}

/** Of meta: the write itself had no effect yet, and its own time may not be up. */
const UNANSWERED: ReadonlySet<ErrorCode> = new Set(['OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED']);

/** Whether meta made a table or a bucket may be unknown; that none of the rows was written is not. */
async function nothingWritten<Value>(change: Promise<Value>): Promise<Value> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof DbError) || !UNANSWERED.has(error.code)) throw error;
    throw new DbError('META_UNAVAILABLE', `${error.message}; nothing was written`, {}, error);
  }
}

function noteRefusals(
  request: TableRequest,
  outcome: TableOutcome,
  refusals: Map<string, Refusal>,
): void {
  if ('error' in outcome) {
    const reason =
      outcome.error === 'TABLE_LIMIT'
        ? 'the database holds as many tables as it may'
        : `"${request.name}" is no name for a table`;
    refusals.set(refusalKey(request.name, ''), {code: outcome.error, reason});
    return;
  }
  for (const [i, tag] of outcome.tags.entries())
    noteColumn(request, request.tags[i]!, tag, refusals);
  for (const [i, field] of outcome.fields.entries()) {
    noteColumn(request, request.fields[i]!.name, field, refusals);
  }
}

function noteColumn(
  request: TableRequest,
  name: string,
  outcome: ColumnOutcome,
  refusals: Map<string, Refusal>,
): void {
  // A conflict needs no note: the column is there now, and resolving names both types.
  if (
    !('error' in outcome) ||
    (outcome.error === 'TYPE_CONFLICT' && outcome.existing !== undefined)
  )
    return;
  const reason = `"${name}" is both a tag and a field of the line, or no name for a column`;
  const refusal =
    outcome.error === 'COLUMN_LIMIT' ? noRoom(request.name) : {code: outcome.error, reason};
  refusals.set(refusalKey(request.name, name), refusal);
}
