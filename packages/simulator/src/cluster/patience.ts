// Lets events go on until what is wanted is so, or some work has ended; what takes too long is a violation.

import {DbError} from '@flotilla/base';
import type {Kernel} from '../kernel/kernel.ts';

const LOOK_MS = 250;
const WAIT_MS_MAX = 180_000;
/** A process that dies answers nothing. */
const SILENCE_MS = 30_000;

export interface PatiencePorts {
  readonly kernel: Kernel;
  readonly fail: (message: string) => void;
  readonly isBroken: () => boolean;
}

export class Patience {
  readonly #ports: PatiencePorts;

  constructor(ports: PatiencePorts) {
    this.#ports = ports;
  }

  /** Refusals are asked again. */
  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const {kernel, fail, isBroken} = this.#ports;
    const untilMs = kernel.nowMs + WAIT_MS_MAX;
    let refusal = '';
    while (!isBroken()) {
      let isOver = false;
      const asked = isSo().catch((error: unknown) => {
        if (!(error instanceof DbError)) throw error;
        refusal = `: ${error.message}`;
        return false;
      });
      const answer = asked.then((so) => {
        isOver = so;
      });
      await this.ends(what, answer);
      if (isOver) return;
      if (kernel.nowMs >= untilMs) {
        fail(`never: ${what}${refusal}`);
        return;
      }
      await this.pass(LOOK_MS);
    }
  }

  /** Ended, or never answered. */
  async ends(what: string, work: Promise<unknown>): Promise<void> {
    const {kernel, fail} = this.#ports;
    let isOver = false;
    work.then(
      () => {
        isOver = true;
      },
      (error: unknown) => {
        isOver = true;
        fail(`${what}: ${String(error)}`);
      },
    );
    await kernel.run(() => isOver, kernel.nowMs + SILENCE_MS);
  }

  pass(ms: number): Promise<void> {
    const {kernel} = this.#ports;
    return kernel.run(() => false, kernel.nowMs + ms);
  }
}
