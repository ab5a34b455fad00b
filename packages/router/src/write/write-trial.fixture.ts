// What tests of a router's writes share: bodies, a router of a made-up cluster, and what its replica sets got.

import {DbError, type ReplicaSetId} from '@flotilla/base';
import {CLUSTER_VERSION} from '@flotilla/catalog';
import {
  decodeShare,
  type ParsedBatch,
  ParsedSeries,
  type Share,
  type ShareTable,
} from '@flotilla/column';
import {IdempotencyKeys} from '@flotilla/replica';
import {DATABASE, FakeCluster} from '../fakes.fixture.ts';
import {SetCaller} from '../set-caller.ts';
import {MetaDdl, type MetaProposer} from './ddl.ts';
import {WriteRouter} from './write-router.ts';

export interface Received {
  readonly set: ReplicaSetId;
  readonly share: Share;
}

export class WriteTrial {
  readonly cluster: FakeCluster;
  readonly meta: MetaProposer;
  received: Received[] = [];
  /** What the leader of every set does with a share. */
  take: (share: Share) => void = () => undefined;

  constructor(clusterVersion = CLUSTER_VERSION) {
    this.cluster = new FakeCluster(clusterVersion);
    this.meta = this.cluster.meta();
    this.cluster.rpc.behave = () => async (payload, target) => {
      const share = decodeShare(payload);
      this.take(share);
      this.received.push({set: target.set, share});
      return new Uint8Array(0);
    };
  }

  router(): WriteRouter {
    return new WriteRouter({
      caller: new SetCaller(this.cluster.callerPorts()),
      catalog: () => this.cluster.catalog,
      meta: new MetaDdl(this.meta),
      clock: this.cluster.clock,
      incarnation: 7,
    });
  }

  write(batch: ParsedBatch, idempotencyKey?: string) {
    const request = {database: DATABASE, batch, lineText: () => '', acceptPartial: true};
    const written = this.router().write({...request, idempotencyKey, deadlineMs: 4_000});
    return this.cluster.clock.resolve(written);
  }

  valuesReceived(table: string): number[] {
    return this.#valuesOf(this.received, table);
  }

  /** As replica sets that leave out what they have seen under its key. */
  appliedValues(table: string): number[] {
    return this.#valuesOf(this.#applied(), table);
  }

  appliedRows(table: string): number {
    return this.#tablesOf(this.#applied(), table).reduce((sum, {rowCount}) => sum + rowCount, 0);
  }

  #applied(): Received[] {
    const keysOf = new Map<ReplicaSetId, IdempotencyKeys>();
    return this.received.flatMap(({set, share}): Received[] => {
      const keys = keysOf.get(set) ?? new IdempotencyKeys({max: 1_000, bytesMax: 1e6});
      keysOf.set(set, keys);
      const tables = keys.unseen(share.idempotencyKey!, share.tables);
      if (tables === undefined) return [];
      keys.remember(share.idempotencyKey!);
      return [{set, share: {...share, tables}}];
    });
  }

  /** Drops the table when the first share names it; then refuses shares that name the dead id. */
  dropUnderway(name: string, times: number): void {
    const {cluster} = this;
    let left = times;
    this.take = (share) => {
      const live = cluster.catalog.tableByName(DATABASE, name);
      if (left > 0 && live !== undefined && share.tables.some(({table}) => table === live.id)) {
        left -= 1;
        cluster.apply({type: 'drop-table', database: DATABASE, name, atMs: 0, purgeAtMs: 1e9});
      }
      const dead = share.tables.find(({table}) => cluster.catalog.table(table)?.dropped);
      if (dead !== undefined) throw new DbError('TABLE_NOT_FOUND', 'dropped', {table: dead.table});
    };
  }

  #valuesOf(those: readonly Received[], table: string): number[] {
    const values = this.#tablesOf(those, table).flatMap(({columns}) =>
      columns.flatMap((column) => [...(column.values as {values: Float64Array}).values]),
    );
    return values.sort((a, b) => a - b);
  }

  #tablesOf(those: readonly Received[], table: string): ShareTable[] {
    const {id} = this.cluster.catalog.tableByName(DATABASE, table)!;
    return those.flatMap(({share}) => share.tables).filter((each) => each.table === id);
  }
}

/** Row i of each table is of host i, at minute i, on a line of its own. */
export function batchOf(tables: readonly string[], rowCount: number): ParsedBatch {
  const rows = Array.from({length: rowCount}, (_, i) => i);
  return {
    rowCount: tables.length * rowCount,
    badLines: [],
    badLineCount: 0,
    tables: tables.map((table, at) => ({
      table,
      rowCount,
      series: rows.map((i) => new ParsedSeries(table, ['host'], [`h${i}`])),
      seriesOfRow: Int32Array.from(rows),
      timesMs: Float64Array.from(rows, (i) => i * 60_000),
      timesNs: new Int32Array(rowCount),
      lines: Uint32Array.from(rows, (i) => at * rowCount + i + 1),
      fields: [
        {
          name: 'v',
          count: rowCount,
          rows: Int32Array.from(rows),
          values: {type: 'float' as const, values: Float64Array.from(rows, (i) => i + at * 100)},
        },
      ],
    })),
  };
}

/** A row of one table at each of these times. */
export function rowsAt(...timesMs: number[]): ParsedBatch {
  const batch = batchOf(['cpu'], timesMs.length);
  return {...batch, tables: [{...batch.tables[0]!, timesMs: Float64Array.from(timesMs)}]};
}

/** Rows of 3 MiB each: two fit one share. */
export function longBatch(rowCount: number): ParsedBatch {
  const size = 3 * 1024 * 1024;
  const [table] = batchOf(['long'], rowCount).tables;
  const bytes = new Uint8Array(rowCount * size);
  for (let i = 0; i < rowCount; i++) bytes.fill(48 + i, i * size, (i + 1) * size);
  const ends = Uint32Array.from({length: rowCount}, (_, i) => (i + 1) * size);
  const rows = Int32Array.from({length: rowCount}, (_, i) => i);
  const values = {type: 'string' as const, bytes, ends};
  const tables = [{...table!, fields: [{name: 's', count: rowCount, rows, values}]}];
  return {tables, rowCount, badLines: [], badLineCount: 0};
}
