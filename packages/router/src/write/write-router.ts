// The way of a write after the parser: names to ids, rows to replica sets, one share a set to its
// leader, and what became of each. Whatever changes what a query must look at (tables, columns,
// buckets) is committed by meta before the first share that uses it is proposed.

import type {Clock} from '@flotilla/base';
import {type DatabaseId, DbError, LIMITS, type ReplicaSetId} from '@flotilla/base';
import type {Catalog, Database} from '@flotilla/catalog';
import {type BadLine, encodeShare, type ParsedBatch} from '@flotilla/column';
import {WRITE_METHOD} from '@flotilla/replica';
import type {SetCaller} from '../set-caller.ts';
import type {MetaDdl, Refusal} from './ddl.ts';
import {Rejections} from './rejected-rows.ts';
import {type Placement, placeRows} from './row-targets.ts';
import {missingTables, type ResolvedTable, resolveTable} from './schema.ts';
import {buildShares, halveShare, type SetShare} from './share-builder.ts';

/** Rounds of schema and bucket changes by others that one write bears before it gives up. */
const PREPARE_ROUNDS_MAX = 8;

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
  /** The first hundred. */
  readonly lines: readonly BadLine[];
  readonly sets: readonly SetOutcome[];
}

export interface WriteRouterPorts {
  readonly caller: SetCaller;
  readonly catalog: () => Catalog;
  readonly meta: MetaDdl;
  readonly clock: Clock;
  /** Identifies this router's writes for the replicas' retry windows; unique per engine thread and boot. */
  readonly incarnation: number;
}

interface Prepared {
  readonly placement: Placement;
  readonly rejections: Rejections;
}

interface EncodedShare {
  readonly share: SetShare;
  readonly bytes: Uint8Array;
}

export class WriteRouter {
  readonly #ports: WriteRouterPorts;
  #sequence = 0;

  constructor(ports: WriteRouterPorts) {
    this.#ports = ports;
  }

  /** Rejects only where nothing was proposed: the database is gone, meta is away, the deadline passed. */
  async write(request: WriteRequest): Promise<WriteOutcome> {
    const {placement, rejections} = await this.#prepare(request);
    const refused = {rejectedLines: rejections.count, lines: rejections.listed()};
    if (rejections.count > 0 && !request.acceptPartial)
      return {writtenRows: 0, ...refused, sets: []};
    const encoded = this.#encode(buildShares(placement), request.idempotencyKey);
    const sets = await Promise.all(encoded.map((share) => this.#send(share, request)));
    const written = sets.filter(({outcome}) => outcome === 'written');
    return {writtenRows: written.reduce((sum, {rowCount}) => sum + rowCount, 0), ...refused, sets};
  }

  /** Places every row, making tables, columns and buckets first where they are missing. */
  async #prepare(request: WriteRequest): Promise<Prepared> {
    const columnRefusals = new Map<string, Refusal>();
    const bucketRefusals = new Map<number, Refusal>();
    for (let round = 0; round < PREPARE_ROUNDS_MAX; round++) {
      const database = this.#database(request.database);
      const requests = missingTables(
        this.#ports.catalog(),
        database,
        request.batch,
        columnRefusals,
      );
      if (requests.length > 0) {
        const refusals = await this.#ports.meta.ensureTables(
          database.id,
          requests,
          request.deadlineMs,
        );
        for (const [key, refusal] of refusals) columnRefusals.set(key, refusal);
        continue;
      }
      const prepared = this.#place(request, database, columnRefusals, bucketRefusals);
      const missing = prepared.placement.missingTimesMs;
      if (missing.length === 0) return prepared;
      await this.#ensureBuckets(database, missing, bucketRefusals, request.deadlineMs);
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
    database: Database,
    columnRefusals: ReadonlyMap<string, Refusal>,
    bucketRefusals: ReadonlyMap<number, Refusal>,
  ): Prepared {
    const catalog = this.#ports.catalog();
    const rejections = new Rejections(request.batch, request.lineText);
    const tables: ResolvedTable[] = [];
    for (const parsed of request.batch.tables) {
      const resolved = resolveTable(catalog, database, parsed, rejections, columnRefusals);
      if (resolved !== undefined) tables.push(resolved);
    }
    const nowMs = this.#ports.clock.wallMs();
    const placement = placeRows(tables, {catalog, database, nowMs, rejections, bucketRefusals});
    return {placement, rejections};
  }

  async #ensureBuckets(
    database: Database,
    missingTimesMs: readonly number[],
    refusals: Map<number, Refusal>,
    deadlineMs: number,
  ): Promise<void> {
    const {bucketDurationMs} = database.options;
    const max = LIMITS.new_buckets_per_request_max.value;
    const allowed = missingTimesMs.slice(0, max);
    const reason =
      `the request asks for ${missingTimesMs.length} new buckets; at most ${max} are made for one request ` +
      '(are the times in the precision that the request names?)';
    for (const timeMs of missingTimesMs.slice(max)) {
      refusals.set(Math.floor(timeMs / bucketDurationMs), {code: 'BUCKET_LIMIT', reason});
    }
    await Promise.all(
      allowed.map(async (timeMs) => {
        const refusal = await this.#ports.meta.ensureBucket(database.id, timeMs, deadlineMs);
        if (refusal !== undefined) refusals.set(Math.floor(timeMs / bucketDurationMs), refusal);
      }),
    );
  }

  /** A share over the limit of an entry is halved in line order until each piece fits. */
  #encode(shares: readonly SetShare[], idempotencyKey: string | undefined): EncodedShare[] {
    const encoded: EncodedShare[] = [];
    const partsOfSet = new Map<ReplicaSetId, number>();
    const pending = [...shares].reverse();
    while (pending.length > 0) {
      const share = pending.pop()!;
      const part = partsOfSet.get(share.set) ?? 0;
      const router = {incarnation: this.#ports.incarnation, sequence: this.#sequence++};
      const key = idempotencyKey === undefined ? undefined : `${idempotencyKey}\u0000${part}`;
      const bytes = encodeShare({router, idempotencyKey: key, tables: share.tables});
      if (bytes.length > LIMITS.share_bytes_max.value && share.rowCount > 1) {
        pending.push(...halveShare(share).reverse());
        continue;
      }
      partsOfSet.set(share.set, part + 1);
      encoded.push({share, bytes});
    }
    return encoded;
  }

  async #send({share, bytes}: EncodedShare, request: WriteRequest): Promise<SetOutcome> {
    const {set, rowCount} = share;
    try {
      await this.#ports.caller.call({
        set,
        method: WRITE_METHOD,
        payload: bytes,
        deadlineMs: request.deadlineMs,
        effect: 'write',
      });
      return {set, rowCount, outcome: 'written'};
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      const outcome = error.code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'refused';
      return {set, rowCount, outcome, error};
    }
  }
}
