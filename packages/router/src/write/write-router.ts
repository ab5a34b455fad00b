// The way of a write after the parser: names to ids, rows to replica sets, one share a set to its
// leader, and what became of each. Whatever changes what a query must look at (tables, columns,
// buckets) is committed by meta before the first share that uses it is proposed.

import type {Clock} from '@flotilla/base';
import {type DatabaseId, DbError, LIMITS, type ReplicaSetId} from '@flotilla/base';
import {type Catalog, type Database, TABLES_NAMED_SINCE} from '@flotilla/catalog';
import {type BadLine, encodeShare, type ParsedBatch} from '@flotilla/column';
import {type Fence, WRITE_METHOD} from '@flotilla/replica';
import type {SetCaller} from '../set-caller.ts';
import {NEW_BUCKETS_MAX, tooManyBuckets} from './bucket-limit.ts';
import {refuseBeyondRoom} from './column-room.ts';
import type {MetaDdl} from './ddl.ts';
import {type DeleteOutcome, type DeleteTarget, sendDeletions} from './deletions.ts';
import {awaitFences} from './fences.ts';
import {isOfFullSet, refuseNewSeries} from './full-sets.ts';
import {refuseLargeRows} from './large-rows.ts';
import type {Refusal} from './refusal.ts';
import {firstLines, Rejections} from './rejected-rows.ts';
import type {ResolvedTable} from './resolved-table.ts';
import {rowSubset} from './row-subset.ts';
import {hasKeptTime, type Placement, placeRows, refuseTimes} from './row-targets.ts';
import {missingTables, resolveTable} from './schema.ts';
import {
  buildShares,
  halveShare,
  type RowSource,
  type SetShare,
  splitShare,
} from './share-builder.ts';
import {shareKey} from './share-name.ts';
import {refusedAsItIs} from './whole-body.ts';
import {WriteCounts} from './write-counts.ts';

/** Rounds of schema and bucket changes by others that one write bears before it gives up. */
const PREPARE_ROUNDS_MAX = 8;
/**
 * Times that rows are placed: anew where a table or bucket was dropped while they were on their way. Those that took
 * lines away for want of room do not count: of a set's pieces each may take some.
 */
const PASSES_MAX = 4;
/** Of shares, gathered and encoded in one turn: some 10 ms. */
const TURN_BYTES = 2 * 1024 * 1024;
/** An entry's limit, with room for the router's numbers. */
const SHARE_BYTES_MAX = LIMITS.share_bytes_max.value - 16;

export interface WriteRequest {
  readonly database: DatabaseId;
  readonly batch: ParsedBatch;
  /** The text of a physical line of the body, from 1; for the list of refused lines. */
  readonly lineText: (line: number) => string;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  /** False: any refused line refuses the whole body. */
  readonly acceptPartial: boolean;
  readonly idempotencyKey?: string | undefined;
}

export interface SetOutcome {
  readonly set: ReplicaSetId;
  readonly outcome: 'written' | 'refused' | 'unknown';
  readonly rowCount: number;
  /** Absent when written. */
  readonly error?: DbError | undefined;
}

export interface WriteOutcome {
  readonly writtenRows: number;
  readonly rejectedLines: number;
  /** A hundred at most. */
  readonly lines: readonly BadLine[];
  readonly sets: readonly SetOutcome[];
}

export interface WriteRouterPorts {
  readonly caller: SetCaller;
  readonly catalog: () => Catalog;
  readonly meta: MetaDdl;
  readonly clock: Clock;
  /** Identifies this router's writes for the replicas' retry windows; unique per engine thread and life. */
  readonly incarnation: number;
}

interface Prepared {
  readonly placement: Placement;
  readonly rejections: Rejections;
}

interface PlaceFacts {
  readonly database: Database;
  /** The same as when meta was asked for tables: what is kept does not change between. */
  readonly nowMs: number;
  readonly columnRefusals: ReadonlyMap<string, Refusal>;
  readonly bucketRefusals: ReadonlyMap<number, Refusal>;
}

/** The buckets that one request has asked meta for, in all its rounds and passes. */
interface Asked {
  buckets: number;
}

interface SentShare {
  readonly share: SetShare;
  readonly outcome: SetOutcome;
}

interface EncodedShare {
  readonly share: SetShare;
  readonly bytes: Uint8Array;
}

interface Encoded {
  readonly shares: readonly EncodedShare[];
  /** Of one row each, over the limit. */
  readonly tooLarge: readonly SetShare[];
}

export class WriteRouter {
  readonly #ports: WriteRouterPorts;
  readonly counts = new WriteCounts();
  #sequence = 0;

  constructor(ports: WriteRouterPorts) {
    this.#ports = ports;
  }

  /** Rejects only where nothing was proposed: the database is gone, meta is away, the deadline passed. */
  async write(request: WriteRequest): Promise<WriteOutcome> {
    const outcome = await this.#write(request);
    const {rows} = this.counts;
    rows.written += outcome.writtenRows;
    rows.rejected += outcome.rejectedLines;
    for (const {outcome: fate, rowCount} of outcome.sets)
      if (fate !== 'written') rows[fate] += rowCount;
    return outcome;
  }

  async #write(request: WriteRequest): Promise<WriteOutcome> {
    if (!request.acceptPartial) {
      const refused = this.#refusedAsItIs(request);
      if (refused.count > 0) return summary([refused], []);
    }
    const asked: Asked = {buckets: 0};
    let prepared = await this.#prepare(request, request.batch, asked);
    const refusedBy = [prepared.rejections];
    if (prepared.rejections.count > 0 && !request.acceptPartial) return summary(refusedBy, []);
    const sets: SetOutcome[] = [];
    let passesLeft = PASSES_MAX;
    for (let isFirst = true; ; isFirst = false) {
      const encoded = await this.#encode(buildShares(prepared.placement), request.idempotencyKey);
      refuseLargeRows(encoded.tooLarge, prepared.rejections);
      // Of what is placed anew each row has fitted before.
      const isRefused = encoded.tooLarge.length > 0 && !request.acceptPartial;
      if (isRefused && isFirst) return summary(refusedBy, []);
      const sent = await this.#sendAll(encoded.shares, request);
      const outdated = sent.filter(({outcome: {error}}) => isOutdated(error));
      const full = request.acceptPartial ? sent.filter(isOfFullSet) : [];
      const failed = [...outdated, ...full];
      sets.push(...sent.filter((each) => !failed.includes(each)).map(({outcome}) => outcome));
      const refused = new Rejections(rowSubset([]), request.lineText);
      refusedBy.push(refused);
      const rest = [
        ...outdated.flatMap(({share}) => share.sources),
        ...refuseNewSeries(full, refused),
      ].filter(({rows}) => rows.length > 0);
      if (rest.length === 0) return summary(refusedBy, sets);
      if (refused.count === 0) passesLeft -= 1;
      const again = await this.#prepareAgain(request, rest, passesLeft, asked);
      if (again instanceof DbError) {
        sets.push(...failed.map(({outcome}) => ({...outcome, error: again})));
        return summary(refusedBy, sets);
      }
      prepared = again;
      refusedBy.push(prepared.rejections);
    }
  }

  /** What became of each set's part of a DELETE. */
  delete(targets: readonly DeleteTarget[], deadlineMs: number): Promise<DeleteOutcome[]> {
    const ports = {caller: this.#ports.caller, nextNumber: () => this.#nextNumber()};
    return sendDeletions(ports, targets, deadlineMs);
  }

  /** Resolves once the sets refuse writes to what was dropped; with those that had not by the deadline. */
  awaitFences(
    sets: readonly ReplicaSetId[],
    options: {readonly fence: Fence; readonly deadlineMs: number},
  ): Promise<ReplicaSetId[]> {
    return awaitFences(this.#ports.caller, sets, options);
  }

  #nextNumber(): {readonly incarnation: number; readonly sequence: number} {
    return {incarnation: this.#ports.incarnation, sequence: this.#sequence++};
  }

  #refusedAsItIs(request: WriteRequest): Rejections {
    const database = this.#database(request.database);
    const nowMs = this.#ports.clock.wallMs();
    return refusedAsItIs(request, {catalog: this.#ports.catalog(), database, nowMs});
  }

  /** Places the rows of refused shares by the catalog as it is now; an error if that cannot be done. */
  async #prepareAgain(
    request: WriteRequest,
    rest: readonly RowSource[],
    passesLeft: number,
    asked: Asked,
  ): Promise<Prepared | DbError> {
    if (passesLeft === 0) {
      const message = 'tables or buckets kept being dropped under the write; send it again';
      return new DbError('UNAVAILABLE', message);
    }
    try {
      await this.#ports.meta.refresh(request.deadlineMs);
      const batch = rowSubset(rest);
      return await this.#prepare(request, batch, asked);
    } catch (error) {
      if (error instanceof DbError) return error;
      throw error;
    }
  }

  /** Places every row, making tables, columns and buckets first where they are missing. */
  async #prepare(request: WriteRequest, batch: ParsedBatch, asked: Asked): Promise<Prepared> {
    const {clock} = this.#ports;
    const beganMs = clock.monotonicMs();
    const prepared = await this.#prepareInRounds(request, batch, asked);
    this.counts.resolve.observeMs(clock.monotonicMs() - beganMs);
    return prepared;
  }

  async #prepareInRounds(
    request: WriteRequest,
    batch: ParsedBatch,
    asked: Asked,
  ): Promise<Prepared> {
    const columnRefusals = new Map<string, Refusal>();
    const bucketRefusals = new Map<number, Refusal>();
    const overLimit = new Set<string>();
    for (let round = 0; round < PREPARE_ROUNDS_MAX; round++) {
      const database = this.#database(request.database);
      const nowMs = this.#ports.clock.wallMs();
      // Nothing is made for rows that no bucket may hold.
      const tables = batch.tables.filter((parsed) => hasKeptTime(parsed, {database, nowMs}));
      const catalog = this.#ports.catalog();
      for (const parsed of tables)
        if (overLimit.has(parsed.table))
          refuseBeyondRoom({catalog, database, nowMs}, parsed, columnRefusals);
      const requests = missingTables(catalog, database, {tables}, columnRefusals);
      if (requests.length > 0) {
        const ensured = await this.#ports.meta.ensureTables(
          database.id,
          requests,
          request.deadlineMs,
        );
        for (const [key, refusal] of ensured.refusals) columnRefusals.set(key, refusal);
        for (const table of ensured.overLimit) overLimit.add(table);
        continue;
      }
      const place = {database, nowMs, columnRefusals, bucketRefusals};
      const prepared = this.#place(request, batch, place);
      const missing = prepared.placement.missingTimesMs;
      if (missing.length === 0) return prepared;
      await this.#ensureBuckets(database, missing, bucketRefusals, {
        asked,
        deadlineMs: request.deadlineMs,
      });
    }
    const message = 'tables or buckets kept changing while the write was prepared; send it again';
    throw new DbError('UNAVAILABLE', message);
  }

  #database(id: DatabaseId): Database {
    const database = this.#ports.catalog().database(id);
    if (database === undefined || database.dropped !== undefined) {
      throw new DbError(
        'DATABASE_NOT_FOUND',
        'the database was dropped while the write was under way',
      );
    }
    return database;
  }

  #place(
    request: WriteRequest,
    batch: ParsedBatch,
    {database, nowMs, columnRefusals, bucketRefusals}: PlaceFacts,
  ): Prepared {
    const catalog = this.#ports.catalog();
    const rejections = new Rejections(batch, request.lineText);
    const tables: ResolvedTable[] = [];
    for (const parsed of batch.tables) {
      if (!hasKeptTime(parsed, {database, nowMs})) {
        refuseTimes(parsed, {database, nowMs, rejections});
        continue;
      }
      const resolved = resolveTable(catalog, database, parsed, rejections, columnRefusals);
      if (resolved !== undefined) tables.push(resolved);
    }
    const placement = placeRows(tables, {catalog, database, nowMs, rejections, bucketRefusals});
    return {placement, rejections};
  }

  async #ensureBuckets(
    database: Database,
    missingTimesMs: readonly number[],
    refusals: Map<number, Refusal>,
    {asked, deadlineMs}: {readonly asked: Asked; readonly deadlineMs: number},
  ): Promise<void> {
    const {bucketDurationMs} = database.options;
    const room = Math.max(0, NEW_BUCKETS_MAX - asked.buckets);
    const allowed = missingTimesMs.slice(0, room);
    asked.buckets += allowed.length;
    const wanted = asked.buckets + missingTimesMs.length - allowed.length;
    const refusal = tooManyBuckets(wanted);
    for (const timeMs of missingTimesMs.slice(room)) {
      refusals.set(Math.floor(timeMs / bucketDurationMs), refusal);
    }
    await Promise.all(
      allowed.map(async (timeMs) => {
        const refusal = await this.#ports.meta.ensureBucket(database.id, timeMs, deadlineMs);
        if (refusal !== undefined) refusals.set(Math.floor(timeMs / bucketDurationMs), refusal);
      }),
    );
  }

  async #sendAll(shares: readonly EncodedShare[], request: WriteRequest): Promise<SentShare[]> {
    const ofSet = Map.groupBy(shares, ({share}) => share.set);
    const sent = await Promise.all(
      [...ofSet.values()].map((pieces) => this.#sendInOrder(pieces, request)),
    );
    return sent.flat();
  }

  /**
   * One piece after the other, since the later line of a series and time must win. Behind a piece that
   * was not written none is sent: that one may yet be applied, or be sent again, after them.
   */
  async #sendInOrder(pieces: readonly EncodedShare[], request: WriteRequest): Promise<SentShare[]> {
    const sent: SentShare[] = [];
    let failed: SetOutcome | undefined;
    for (const piece of pieces) {
      const outcome: SetOutcome =
        failed === undefined ? await this.#send(piece, request) : notSent(piece.share, failed);
      if (outcome.outcome !== 'written') failed ??= outcome;
      sent.push({share: piece.share, outcome});
    }
    return sent;
  }

  /**
   * A share over the limit of an entry is split, in line order, until each piece fits. Of a large body
   * some megabytes a turn: the thread's groups must not stand still meanwhile.
   */
  async #encode(shares: Iterable<SetShare>, key: string | undefined): Promise<Encoded> {
    const encoded: EncodedShare[] = [];
    const tooLarge: SetShare[] = [];
    const isEachNamed = this.#ports.catalog().clusterVersion >= TABLES_NAMED_SINCE;
    const split = isEachNamed ? splitShare : halveShare;
    let spentBytes = 0;
    for (const whole of shares) {
      const pending = [whole];
      while (pending.length > 0) {
        const share = pending.pop()!;
        const idempotencyKey = key === undefined ? undefined : shareKey(key, share, isEachNamed);
        const router = this.#nextNumber();
        const bytes = encodeShare({router, idempotencyKey, tables: share.tables});
        if (ownBytes(bytes, router) <= SHARE_BYTES_MAX) encoded.push({share, bytes});
        else if (share.rowCount === 1) tooLarge.push(share);
        else pending.push(...split(share).reverse());
        spentBytes += bytes.length;
        if (spentBytes < TURN_BYTES) continue;
        spentBytes = 0;
        await this.#pause();
      }
    }
    return {shares: encoded, tooLarge};
  }

  /** Lets whatever waits in this thread run first. */
  #pause(): Promise<void> {
    return new Promise((resolve) => this.#ports.clock.defer(resolve));
  }

  async #send({share, bytes}: EncodedShare, request: WriteRequest): Promise<SetOutcome> {
    const {set, rowCount} = share;
    try {
      await this.#ports.caller.call({
        set,
        method: WRITE_METHOD,
        payload: bytes,
        deadlineMs: request.deadlineMs,
      });
      return {set, rowCount, outcome: 'written'};
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      const outcome = error.code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'refused';
      return {set, rowCount, outcome, error};
    }
  }
}

/** Without the router's numbers, whose width differs from try to try while the split must not. */
function ownBytes(bytes: Uint8Array, router: {incarnation: number; sequence: number}): number {
  return bytes.length - varintBytes(router.incarnation) - varintBytes(router.sequence);
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

/** What becomes of the pieces behind one that failed; a set that is outdated is so for all of them. */
function notSent({set, rowCount}: SetShare, {outcome, error}: SetOutcome): SetOutcome {
  if (outcome === 'refused') return {set, rowCount, outcome, error};
  const message = `not sent to replica set ${set}: it is not known whether the lines before were written`;
  return {set, rowCount, outcome: 'refused', error: new DbError('UNAVAILABLE', message)};
}

/** The share named a table that is dead now, or its replica set is: its rows belong elsewhere. */
function isOutdated(error: DbError | undefined): boolean {
  return error?.code === 'TABLE_NOT_FOUND' || error?.code === 'STALE_EPOCH';
}

function summary(refusedBy: readonly Rejections[], sets: readonly SetOutcome[]): WriteOutcome {
  const written = sets.filter(({outcome}) => outcome === 'written');
  const lines = refusedBy.flatMap((rejections) => rejections.listed());
  return {
    writtenRows: written.reduce((sum, {rowCount}) => sum + rowCount, 0),
    rejectedLines: refusedBy.reduce((sum, {count}) => sum + count, 0),
    lines: firstLines(lines),
    sets,
  };
}
