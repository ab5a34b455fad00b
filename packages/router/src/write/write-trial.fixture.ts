// What tests of a router's writes share: bodies, a router of a made-up cluster, and what its replica sets got.

import {DbError, type ReplicaSetId} from '@flotilla/base';
import {decodeShare, type ParsedBatch, ParsedSeries, type Share} from '@flotilla/column';
import {DATABASE, FakeCluster} from '../fakes.fixture.ts';
import {SetCaller} from '../set-caller.ts';
import {MetaDdl, type MetaProposer} from './ddl.ts';
import {WriteRouter} from './write-router.ts';

export interface Received {
  readonly set: ReplicaSetId;
  readonly share: Share;
}

export class WriteTrial {
  readonly cluster = new FakeCluster();
  readonly meta: MetaProposer = this.cluster.meta();
  received: Received[] = [];
  /** What the leader of every set does with a share. */
  take: (share: Share) => void = () => undefined;

  constructor() {
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

  /** As replica sets that skip the keys that they have seen. */
  appliedValues(table: string): number[] {
    const seen = new Set<string>();
    const isNew = ({set, share}: Received): boolean => {
      const before = seen.size;
      return seen.add(`${set} ${share.idempotencyKey}`).size > before;
    };
    return this.#valuesOf(this.received.filter(isNew), table);
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
    const id = this.cluster.catalog.tableByName(DATABASE, table)!.id;
    const tables = those.flatMap(({share}) => share.tables).filter((each) => each.table === id);
    const values = tables.flatMap(({columns}) =>
      columns.flatMap((column) => [...(column.values as {values: Float64Array}).values]),
    );
    return values.sort((a, b) => a - b);
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
