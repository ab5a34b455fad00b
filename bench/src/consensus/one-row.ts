// The row that the scenarios write one at a time: about 100 bytes as line protocol, as a share and as a
// put of etcd. Each write is another row: of one of 1000 series, at a time of its own.

import type {ColumnId, ReplicaSetId, TableId} from '@flotilla/base';
import {DEFAULT_TENANT} from '@flotilla/catalog';
import {encodeSeriesKey, encodeShare, type Share, seriesHash} from '@flotilla/column';
import {WRITE_METHOD} from '@flotilla/replica';
import type {OutsideRouter} from './outside-router.ts';

const SERIES = 1_000;
const TABLE = 'one';
/** The rows' first time, 2026-01-01, a Thursday and the start of a bucket of a week. */
const START_MS = Date.UTC(2026, 0, 1);
/** A node's own limit on a write. */
const WRITE_MS_MAX = 5_000;
const NOTE = 'forty bytes of text that nobody indexes.';

const hostOf = (n: number): string => `host_${String(n % SERIES).padStart(4, '0')}`;

/** Row `n` as line protocol, 97 bytes or so. */
export function lineOf(n: number): string {
  const timeNs = `${START_MS + Math.floor(n / 1e6)}${String(n % 1e6).padStart(6, '0')}`;
  return `${TABLE},host=${hostOf(n)} note="${NOTE}",value=${n / 4} ${timeNs}`;
}

/** Row `n` for etcd: 20 bytes of key and 80 of value. As many keys as there are series. */
export function putOf(n: number): {readonly key: string; readonly value: string} {
  return {
    key: `${TABLE}/host/${hostOf(n)}`.padEnd(20, '_'),
    value: `${NOTE}${n}`.padEnd(80, '.'),
  };
}

/** All series once: makes table, columns and bucket, so that what is measured changes no schema. */
export function firstLines(): string {
  return Array.from({length: SERIES}, (_, n) => lineOf(n)).join('\n');
}

/** Where rows go, looked up once: neither table nor bucket changes during a run. */
export class OneRowWriter {
  readonly #router: OutsideRouter;
  readonly #table: TableId;
  readonly #series: readonly {readonly key: Uint8Array; readonly set: ReplicaSetId}[];
  readonly #columns: {readonly note: ColumnId; readonly value: ColumnId};
  readonly #offsetNs: number;
  #sequence = 0;

  /** Requires that `firstLines` were written to the database. */
  constructor(router: OutsideRouter, databaseName: string) {
    const {catalog} = router;
    const tenant = catalog.tenantByName(DEFAULT_TENANT)!;
    const database = catalog.databaseByName(tenant.id, databaseName)!;
    const table = catalog.tableByName(database.id, TABLE)!;
    const bucket = catalog.bucketAt(database.id, START_MS)!;
    const id = (name: string) => catalog.columnByName(table.id, name)!.id;
    const host = id('host');
    this.#router = router;
    this.#table = table.id;
    this.#columns = {note: id('note'), value: id('value')};
    this.#offsetNs = (START_MS - bucket.startMs) * 1e6;
    this.#series = Array.from({length: SERIES}, (_, n) => {
      const key = encodeSeriesKey(table.id, [{column: host, value: hostOf(n)}]);
      return {key, set: bucket.replicaSets[seriesHash(key) % bucket.replicaSets.length]!};
    });
  }

  /** Resolves once row `n` is durable on a majority and applied by its leader. */
  async write(n: number): Promise<void> {
    const {caller, clock} = this.#router;
    const {set} = this.#series[n % SERIES]!;
    const payload = encodeShare(this.#shareOf(n));
    const deadlineMs = clock.monotonicMs() + WRITE_MS_MAX;
    await caller.call({set, method: WRITE_METHOD, payload, deadlineMs});
  }

  #shareOf(n: number): Share {
    const {key} = this.#series[n % SERIES]!;
    const all = {count: 1, rows: undefined};
    const text = new TextEncoder().encode(NOTE);
    const note = {type: 'string' as const, ends: Uint32Array.of(text.length), bytes: text};
    const value = {type: 'float' as const, values: Float64Array.of(n / 4)};
    return {
      router: {incarnation: this.#router.incarnation, sequence: this.#sequence++},
      tables: [
        {
          table: this.#table,
          rowCount: 1,
          series: [key],
          seriesOfRow: Int32Array.of(0),
          offsets: Float64Array.of(this.#offsetNs + n),
          columns: [
            {column: this.#columns.note, ...all, values: note},
            {column: this.#columns.value, ...all, values: value},
          ],
        },
      ],
    };
  }
}
