// The audit log as an engine thread reaches it: the main thread writes the file, and answers once what is
// about to be done stands there.

import type {Audit, AuditEntry, AuditIntent} from '../doors/audit.ts';
import type {FromEngine} from './messages.ts';

export class AuditPort implements Audit {
  readonly #emit: (message: FromEngine) => void;
  readonly #waiting = new Map<number, (act: string) => void>();
  #next = 1;

  constructor(emit: (message: FromEngine) => void) {
    this.#emit = emit;
  }

  begin(intent: AuditIntent): Promise<string> {
    const asked = this.#next++;
    return new Promise((resolve) => {
      this.#waiting.set(asked, resolve);
      this.#emit({type: 'audit-begin', asked, intent});
    });
  }

  /** The answer to one `begin`. */
  begun(asked: number, act: string): void {
    this.#waiting.get(asked)?.(act);
    this.#waiting.delete(asked);
  }

  add(entry: AuditEntry): void {
    this.#emit({type: 'audit', entry});
  }
}
