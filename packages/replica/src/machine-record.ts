// What a replica replicates beside its rows: the retry window and the idempotency keys. Written with
// each durable point, read at open, carried by snapshots inside storage's own files.

import {FatalError, LIMITS, shape} from '@flotilla/base';
import {type DurablePoint, durablePointShape} from '@flotilla/multiraft';
import type {StoragePoint} from '@flotilla/storage';
import {IdempotencyKeys} from './idempotency-keys.ts';
import {RetryWindow, type RetryWindowRecord} from './retry-window.ts';

const RECORD_VERSION = 1;

interface Record {
  readonly version: number;
  readonly routers: RetryWindowRecord;
  readonly keys: readonly string[];
}

export interface Seen {
  readonly retries: RetryWindow;
  readonly keys: IdempotencyKeys;
}

const {fieldsOf, listOf} = shape;
const WHAT = 'retry windows';

/** Storage keeps the configuration without a look at it. Throws FatalError where it can be none. */
export function asDurablePoint({index, term, configuration}: StoragePoint): DurablePoint {
  const point = {index, term, configuration: configuration as DurablePoint['configuration']};
  durablePointShape(point, 'durable point');
  return point;
}

export function encodeSeen({retries, keys}: Seen): Uint8Array {
  const record: Record = {version: RECORD_VERSION, routers: retries.record(), keys: keys.record()};
  return new TextEncoder().encode(JSON.stringify(record));
}

/** Of a replica that has no durable point yet: nothing seen. */
export function decodeSeen(bytes: Uint8Array | undefined): Seen {
  const bounds = {
    max: LIMITS.idempotency_keys_max.value,
    bytesMax: LIMITS.idempotency_names_bytes_max.value,
  };
  if (bytes === undefined || bytes.length === 0) {
    return {retries: new RetryWindow(), keys: new IdempotencyKeys(bounds)};
  }
  const record = shape.parseJson(bytes, WHAT) as Record;
  fieldsOf({version: shape.count})(record, WHAT);
  if (record.version !== RECORD_VERSION) {
    throw new FatalError(
      `cannot decode retry windows: want version ${RECORD_VERSION}; have ${record.version}`,
    );
  }
  fieldsOf({routers: checkRouters, keys: shape.listOf(shape.text)})(record, WHAT);
  return {
    retries: new RetryWindow(record.routers),
    keys: new IdempotencyKeys(bounds, record.keys),
  };
}

function checkRouters(value: unknown, path: string): void {
  listOf(checkRouter)(value, path);
  const routers = value as RetryWindowRecord;
  if (new Set(routers.map(([incarnation]) => incarnation)).size < routers.length)
    throw shape.wrong(path, 'each router once', routers);
}

function checkRouter(value: unknown, path: string): void {
  listOf(() => {})(value, path);
  const [incarnation, floor, sequences] = value as RetryWindowRecord[number];
  shape.count(incarnation, path);
  shape.integerOf(-1, Number.MAX_SAFE_INTEGER)(floor, path);
  listOf(() => {})(sequences, path);
  // A path for each of a million would take longer than the rest of it.
  const wrong = sequences.find((sequence) => !Number.isSafeInteger(sequence) || sequence < 0);
  if (wrong !== undefined) throw shape.wrong(path, 'sequences of 0 and more', wrong);
}
