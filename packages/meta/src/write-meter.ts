// What is written to each replica of a node, from the bytes that its reports count: over one window after
// the other, so that a report costs what changed, and one that says nothing costs nothing.

import type {ReplicaId} from '@flotilla/base';
import type {ReplicaReport, WriteRates} from '@flotilla/catalog';

/** Long enough that a flush or a pause of some clients is no change of load. */
const WINDOW_MS = 60_000;

export class WriteMeter {
  #beganAtMs: number | undefined;
  #bytes = new Map<ReplicaId, number>();
  #rates: WriteRates | undefined;

  /** Of the last whole window; undefined before there was one. */
  get rates(): WriteRates | undefined {
    return this.#rates;
  }

  /** A replica that was opened anew counts from 0 again. */
  count(before: ReplicaReport | undefined, now: ReplicaReport): void {
    if (before?.writtenBytes === undefined || now.writtenBytes === undefined) return;
    const bytes = now.writtenBytes - before.writtenBytes;
    if (bytes > 0) this.#bytes.set(now.replica, (this.#bytes.get(now.replica) ?? 0) + bytes);
  }

  /** To be called with each report, before it is counted. */
  turn(nowMs: number): void {
    this.#beganAtMs ??= nowMs;
    const seconds = (nowMs - this.#beganAtMs) / 1_000;
    if (seconds * 1_000 < WINDOW_MS) return;
    const byReplica = new Map<ReplicaId, number>();
    let total = 0;
    for (const [replica, bytes] of this.#bytes) {
      byReplica.set(replica, bytes / seconds);
      total += bytes;
    }
    this.#rates = {bytesPerSecond: total / seconds, byReplica};
    this.#bytes = new Map();
    this.#beganAtMs = nowMs;
  }
}
