// What is too old: hidden as the meta leader finds it, shown again by a longer ttl while its buckets are there, and
// gone with them.
// Law: `purgedBeforeMs` is never above `expiredBeforeMs`, and no bucket that went because it had expired ends after
// it. A router that is behind may still get a row into such a bucket; nobody ever looks for it there, and no second
// bucket is made for its times.

import {EXPIRED_RETURNS_SINCE} from '../cluster-version.ts';
import type {AlterDatabase, RaiseExpiredBefore} from '../commands.ts';
import type {Bucket, Database} from '../model.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';

export const raiseExpiredBefore: Handler<RaiseExpiredBefore> = (draft, command) => {
  const database = draft.catalog.database(command.database);
  if (database === undefined)
    return refuse('DATABASE_NOT_FOUND', `no database ${command.database}`);
  const {expiredBeforeMs, ttlMs, atMs} = command;
  if (ttlMs !== undefined && ttlMs !== database.options.ttlMs) {
    const message = `database ${database.name} has another ttl than when that was planned`;
    return refuse('CONFLICT', message);
  }
  if (expiredBeforeMs <= (database.expiredBeforeMs ?? -Infinity)) return succeed(NOTHING);
  draft.put('database', database.id, {...database, expiredBeforeMs});
  for (const bucket of draft.catalog.buckets(database.id, -Infinity, expiredBeforeMs)) {
    if (bucket.endMs > expiredBeforeMs || bucket.expiredAtMs !== undefined) continue;
    draft.put('bucket', bucket.id, {...bucket, expiredAtMs: atMs});
  }
  return succeed(NOTHING);
};

/** With the ttl that it names; what that keeps and is there is hidden no more. */
export function putAltered(draft: Draft, altered: Database, command: AlterDatabase): void {
  const {expiredBeforeMs = -Infinity} = altered;
  const isNamed = command.options.ttlMs !== undefined && command.atMs !== undefined;
  const loweredMs = isNamed ? shownFromMs(altered, command.atMs) : expiredBeforeMs;
  if (loweredMs >= expiredBeforeMs) {
    draft.put('database', altered.id, altered);
    return;
  }
  const lowered = loweredMs === -Infinity ? undefined : loweredMs;
  draft.put('database', altered.id, {...altered, expiredBeforeMs: lowered});
  for (const bucket of draft.catalog.buckets(altered.id, loweredMs, expiredBeforeMs)) {
    if (bucket.expiredAtMs === undefined) continue;
    draft.put('bucket', bucket.id, {...bucket, expiredAtMs: undefined});
  }
}

/** What the ttl keeps at that time, as far as it has not gone. */
function shownFromMs({options, purgedBeforeMs = -Infinity}: Database, atMs: number): number {
  const keptMs = options.ttlMs === undefined ? -Infinity : atMs - options.ttlMs;
  return Math.max(keptMs, purgedBeforeMs);
}

/** The bucket is dropped; if because it had expired, its times never come back. */
export function putPurged(draft: Draft, {database: id, endMs, expiredAtMs}: Bucket): void {
  const {catalog} = draft;
  const database = catalog.database(id);
  if (expiredAtMs === undefined || database === undefined) return;
  if (catalog.clusterVersion < EXPIRED_RETURNS_SINCE) return;
  if (endMs > (database.purgedBeforeMs ?? -Infinity))
    draft.put('database', id, {...database, purgedBeforeMs: endMs});
}

/**
 * Builds before dropped buckets without a note of it, the oldest first: from this version on whatever is older
 * than the oldest that is left, and was hidden, counts as gone.
 */
export function putPurgedBefore(draft: Draft, version: number): void {
  const {catalog} = draft;
  if (catalog.clusterVersion >= EXPIRED_RETURNS_SINCE || version < EXPIRED_RETURNS_SINCE) return;
  for (const database of catalog.databases()) {
    const {id, expiredBeforeMs} = database;
    if (expiredBeforeMs === undefined) continue;
    const [oldest] = catalog.buckets(id);
    const purgedBeforeMs = Math.min(expiredBeforeMs, oldest?.startMs ?? Infinity);
    draft.put('database', id, {...database, purgedBeforeMs});
  }
}
