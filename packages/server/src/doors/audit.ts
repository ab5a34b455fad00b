// Who did what to the cluster, and how it ended. Changes by /admin/v1 and by statements stand in it, and who
// was refused there; writes and queries do not.
//
// Law: an act is on disk before it is done. Its first line ends with the result 'begun', its second one, of
// the same act, with what came of it; a crash between leaves the first alone, and whoever reads it knows
// that it may have been done. The disk is waited for, but not for ever: a node whose disk is full or stands
// still is one that has to be administered.

import {type Clock, DbError, LIMITS, type Log} from '@flotilla/base';
import type {Caller} from './admin-door.ts';

const CHARS_MAX = LIMITS.audit_text_chars_max.value;
/** What a stranger may write of it: else whoever asks often enough would turn out all that is of use. */
const REFUSALS_MAX = 20;
const REFUSALS_WINDOW_MS = 10_000;
/** Of a statement that was refused: what it wanted can be seen, and a day of them is not all that is kept. */
const REFUSED_CHARS_MAX = 200;
/** A sync of a busy disk; what takes longer stands still. */
const BEGIN_MS_MAX = 2_000;
const BEGUN = 'begun';

export interface AuditEntry {
  /** Both lines of one act have it; a refusal has none. Unique to the node. */
  readonly act?: string | undefined;
  /** The token's name; 'anyone' where none is asked for, 'stranger' where it was missing or wrong. */
  readonly who: string;
  /** Of the client; absent of what the node did by itself. */
  readonly from?: string | undefined;
  /** An action of /admin/v1, or the kind of a statement. */
  readonly what: string;
  /** Its arguments, or the statement. */
  readonly how?: unknown;
  /** 'begun', 'ok', or a code of the catalogue of errors. */
  readonly result: string;
  readonly requestId?: string | undefined;
}

export type AuditIntent = Omit<AuditEntry, 'act' | 'result'>;

export interface Audit {
  /** What is about to be done. Resolves with the name of the act once that is on disk. */
  begin(intent: AuditIntent): Promise<string>;
  /** What was done, or refused. */
  add(entry: AuditEntry): void;
}

/** Tells of the act before it and after it. */
export async function audited<Answer>(
  audit: Audit,
  intent: AuditIntent,
  run: () => Promise<Answer>,
): Promise<Answer> {
  const act = await audit.begin(intent);
  const tell = (result: string): void => audit.add({...intent, act, result});
  try {
    const answer = await run();
    tell('ok');
    return answer;
  } catch (error) {
    tell(error instanceof DbError ? error.code : 'INTERNAL');
    throw error;
  }
}

/** What the routes ask of the node. */
export interface Doors {
  readonly audit: Audit;
  callerOf(authorization: string | undefined): Caller;
}

/** Tells nobody. */
export const NO_AUDIT: Audit = {begin: async () => '', add: () => undefined};

/** Nobody is asked for anything. */
export const OPEN_DOORS: Doors = {callerOf: () => ({type: 'anyone'}), audit: NO_AUDIT};

/** Takes lines in their order; does not fail. Resolves once the line is on disk, or is given up. */
export interface AuditFile {
  append(line: string): Promise<void>;
}

export interface AuditTrailOptions {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs' | 'setTimer'>;
  readonly log: Log;
  /** Of this start of the data directory: names of acts begin with it. */
  readonly life: number;
}

export class AuditTrail implements Audit {
  readonly #file: AuditFile;
  readonly #clock: AuditTrailOptions['clock'];
  readonly #log: Log;
  readonly #life: string;
  #acts = 0;
  #windowStartMs = -Infinity;
  #refusals = 0;

  constructor(file: AuditFile, {clock, log, life}: AuditTrailOptions) {
    this.#file = file;
    this.#clock = clock;
    this.#log = log;
    this.#life = life.toString(36);
  }

  async begin(intent: AuditIntent): Promise<string> {
    this.#acts += 1;
    const act = `${this.#life}-${this.#acts.toString(36)}`;
    const isWritten = await this.#inTime(this.#append({...intent, act, result: BEGUN}));
    if (!isWritten) this.#log.warn({act, what: intent.what}, 'the audit log waits for its disk');
    return act;
  }

  add(entry: AuditEntry): void {
    if (entry.who === 'stranger' && !this.#mayTell()) return;
    void this.#append(entry);
  }

  #inTime(written: Promise<void>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(BEGIN_MS_MAX, () => resolve(false));
      written.then(() => {
        timer.cancel();
        resolve(true);
      }, reject);
    });
  }

  /** One more refusal; those over the bound are counted, and told when the next window begins. */
  #mayTell(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#windowStartMs >= REFUSALS_WINDOW_MS) {
      const more = this.#refusals - REFUSALS_MAX;
      this.#windowStartMs = nowMs;
      this.#refusals = 0;
      if (more > 0)
        void this.#append({
          who: 'stranger',
          what: 'more',
          how: {requests: more},
          result: 'refused',
        });
    }
    this.#refusals += 1;
    return this.#refusals <= REFUSALS_MAX;
  }

  #append(entry: AuditEntry): Promise<void> {
    const at = new Date(this.#clock.wallMs()).toISOString();
    const isRefused = entry.who === 'stranger';
    const how = shortened(entry.how, isRefused ? REFUSED_CHARS_MAX : CHARS_MAX);
    return this.#file.append(`${JSON.stringify({at, ...entry, how})}\n`);
  }
}

/** A statement of a megabyte is told by its beginning. */
function shortened(how: unknown, max: number): unknown {
  if (how === undefined) return undefined;
  const text = typeof how === 'string' ? how : JSON.stringify(how);
  return text.length <= max ? how : `${text.slice(0, max)}...`;
}
