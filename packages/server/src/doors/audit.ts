// Who did what to the cluster, and how it ended: one line of JSON each. Changes by /admin/v1 and by
// statements stand in it, and who was refused there; writes and queries do not.

import {type Clock, LIMITS} from '@flotilla/base';
import type {Caller} from './admin-door.ts';

const CHARS_MAX = LIMITS.audit_text_chars_max.value;
/** What a stranger may write of it: else whoever asks often enough would turn out all that is of use. */
const REFUSALS_MAX = 20;
const REFUSALS_WINDOW_MS = 10_000;
/** Of a statement that was refused: what it wanted can be seen, and a day of them is not all that is kept. */
const REFUSED_CHARS_MAX = 200;

export interface AuditEntry {
  /** The token's name; 'anyone' where none is asked for, 'stranger' where it was missing or wrong. */
  readonly who: string;
  /** Of the client; absent of what the node did by itself. */
  readonly from?: string | undefined;
  /** An action of /admin/v1, or the kind of a statement. */
  readonly what: string;
  /** Its arguments, or the statement. */
  readonly how?: unknown;
  /** 'ok', or a code of the catalogue of errors. */
  readonly result: string;
  readonly requestId?: string | undefined;
}

/** What the routes ask of the node. */
export interface Doors {
  callerOf(authorization: string | undefined): Caller;
  audit(entry: AuditEntry): void;
}

/** Nobody is asked for anything. */
export const OPEN_DOORS: Doors = {callerOf: () => ({type: 'anyone'}), audit: () => undefined};

/** Takes lines in their order; does not fail. */
export interface AuditFile {
  append(line: string): void;
}

export class AuditTrail {
  readonly #file: AuditFile;
  readonly #clock: Pick<Clock, 'wallMs' | 'monotonicMs'>;
  #windowStartMs = -Infinity;
  #refusals = 0;

  constructor(file: AuditFile, clock: Pick<Clock, 'wallMs' | 'monotonicMs'>) {
    this.#file = file;
    this.#clock = clock;
  }

  add(entry: AuditEntry): void {
    if (entry.who === 'stranger' && !this.#mayTell()) return;
    this.#append(entry);
  }

  /** One more refusal; those over the bound are counted, and told when the next window begins. */
  #mayTell(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#windowStartMs >= REFUSALS_WINDOW_MS) {
      const more = this.#refusals - REFUSALS_MAX;
      this.#windowStartMs = nowMs;
      this.#refusals = 0;
      if (more > 0)
        this.#append({who: 'stranger', what: 'more', how: {requests: more}, result: 'refused'});
    }
    this.#refusals += 1;
    return this.#refusals <= REFUSALS_MAX;
  }

  #append(entry: AuditEntry): void {
    const at = new Date(this.#clock.wallMs()).toISOString();
    const isRefused = entry.who === 'stranger';
    const how = shortened(entry.how, isRefused ? REFUSED_CHARS_MAX : CHARS_MAX);
    this.#file.append(`${JSON.stringify({at, ...entry, how})}\n`);
  }
}

/** A statement of a megabyte is told by its beginning. */
function shortened(how: unknown, max: number): unknown {
  if (how === undefined) return undefined;
  const text = typeof how === 'string' ? how : JSON.stringify(how);
  return text.length <= max ? how : `${text.slice(0, max)}...`;
}
