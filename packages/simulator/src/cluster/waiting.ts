// Lets events go on until some work of the simulation itself has ended, which must not take forever.

import type {Laws} from '../checks/laws.ts';
import type {Kernel} from '../kernel/kernel.ts';

const WAIT_MS_MAX = 120_000;

export class Waiting {
  readonly #kernel: Kernel;
  readonly #laws: Laws;

  constructor(kernel: Kernel, laws: Laws) {
    this.#kernel = kernel;
    this.#laws = laws;
  }

  get isBroken(): boolean {
    return this.#laws.violations.length > 0;
  }

  async until(what: string, work: Promise<unknown>): Promise<void> {
    const isBroken = (): boolean => this.isBroken;
    let isOver = false;
    work.then(
      () => {
        isOver = true;
      },
      (error: unknown) => this.#laws.fail('founding', 0, `${what}: ${String(error)}`),
    );
    await this.#kernel.run(() => isOver || isBroken(), this.#kernel.nowMs + WAIT_MS_MAX);
    if (!isOver && !isBroken()) this.#laws.fail('founding', 0, `${what}: it does not end`);
  }
}
