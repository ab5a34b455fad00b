// What must be said of an answer beside its rows: which replica sets it lacks, and for stale reads
// which replica gave the rows of each set. Headers say what is known before the first byte; an NDJSON
// answer that headers do not describe whole ends with one more line. Cells of rows are never objects,
// so that line cannot be taken for a row.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {FragmentReading} from '@flotilla/router';

const MISSING_HEADER = 'flotilla-missing-replica-sets';
const READ_FROM_HEADER = 'flotilla-read-from';
/** 100 replicas are 6 KB: clients take 8 to 16 KB of headers. */
const NAMED_IN_HEADER = 100;

export interface ReadFrom {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly node: NodeId;
  readonly appliedIndex: number;
  /** Every write acknowledged so long ago was there; null where the replica did not know. */
  readonly ageMs: number | null;
}

export class AnswerNotes {
  readonly #missing = new Set<ReplicaSetId>();
  readonly #readFrom: ReadFrom[] = [];
  /** How many there were when the headers were made. */
  #missingTold = 0;
  #readFromTold = 0;

  /** What is to be said of a part of the answer. */
  take(part: AnswerNotes): void {
    for (const set of part.#missing) this.#missing.add(set);
    this.#readFrom.push(...part.#readFrom);
  }

  missing(set: ReplicaSetId): void {
    this.#missing.add(set);
  }

  readFrom({set, node, origin}: FragmentReading): void {
    const {replica, appliedIndex, ageMs} = origin;
    const age = ageMs === undefined ? null : Math.ceil(ageMs);
    this.#readFrom.push({set, replica, node, appliedIndex, ageMs: age});
  }

  /** Of what is known now. */
  headers(): Record<string, string> {
    const missing = [...this.#missing].sort((a, b) => a - b);
    const readFrom = this.#readFrom.toSorted((a, b) => a.set - b.set);
    this.#missingTold = missing.length;
    this.#readFromTold = readFrom.length;
    return {
      ...(missing.length === 0 ? {} : {[MISSING_HEADER]: listed(missing.map(String))}),
      ...(readFrom.length === 0 ? {} : {[READ_FROM_HEADER]: listed(readFrom.map(replicaText))}),
    };
  }

  /** Found missing after the headers were made. */
  get lateMissing(): readonly ReplicaSetId[] {
    return [...this.#missing].slice(this.#missingTold);
  }

  /** What an NDJSON answer ends with, where sets are missing or the headers do not name all. */
  lastLine(): Uint8Array | undefined {
    const isWhole = this.#readFrom.length <= Math.min(NAMED_IN_HEADER, this.#readFromTold);
    if (this.#missing.size === 0 && isWhole) return undefined;
    const answer = {missingReplicaSets: [...this.#missing], readFrom: this.#readFrom};
    return Buffer.from(`${JSON.stringify({answer})}\n`);
  }
}

function replicaText({set, replica, node, appliedIndex, ageMs}: ReadFrom): string {
  const age = ageMs === null ? '' : `;age_ms=${ageMs}`;
  return `set=${set};replica=${replica};node=${node};applied_index=${appliedIndex}${age}`;
}

function listed(items: readonly string[]): string {
  const more = items.length - NAMED_IN_HEADER;
  const named = items.slice(0, NAMED_IN_HEADER);
  return (more > 0 ? [...named, `more=${more}`] : named).join(', ');
}
