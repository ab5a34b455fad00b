// What a replica replicates beside its rows: the retry window and the idempotency keys. Written with
// each durable point, read at open, carried by snapshots inside storage's own files.

import {FatalError, LIMITS} from '@flotilla/base';
import type {DurablePoint} from '@flotilla/multiraft';
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

/** Storage keeps the configuration without a look at it. */
export function asDurablePoint({index, term, configuration}: StoragePoint): DurablePoint {
  return {index, term, configuration: configuration as DurablePoint['configuration']};
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
  const record = JSON.parse(new TextDecoder().decode(bytes)) as Record;
  if (record.version !== RECORD_VERSION) {
    throw new FatalError(
      `cannot decode retry windows: want version ${RECORD_VERSION}; have ${record.version}`,
    );
  }
  return {
    retries: new RetryWindow(record.routers),
    keys: new IdempotencyKeys(bounds, record.keys),
  };
}
