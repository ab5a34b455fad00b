// What clients saw of some registers, and whether it has an order: each operation at an instant between
// its call and its return, each read the last write before it.

import {checkRegister, type RegisterOperation} from '@flotilla/simulator';

export interface RegisterDifferences {
  /** Registers that nobody's order explains. */
  readonly stale: number;
  /** Reads of what nobody wrote. */
  readonly phantom: number;
  readonly examples: readonly string[];
}

export class RegisterHistories {
  readonly #operations = new Map<string, RegisterOperation[]>();
  #lastValue = 0;

  /** Written nowhere else. */
  nextValue(): number {
    this.#lastValue += 1;
    return this.#lastValue;
  }

  add(register: string, operation: RegisterOperation): void {
    const operations = this.#operations.get(register) ?? [];
    operations.push(operation);
    this.#operations.set(register, operations);
  }

  get operationCount(): number {
    return [...this.#operations.values()].reduce((sum, {length}) => sum + length, 0);
  }

  check(): RegisterDifferences {
    let [stale, phantom] = [0, 0];
    const examples: string[] = [];
    for (const [register, operations] of this.#operations) {
      const written = new Set(
        operations.filter(({kind}) => kind === 'write').map(({value}) => value),
      ).add(0);
      const strange = operations.filter(({kind, value}) => kind === 'read' && !written.has(value));
      phantom += strange.length;
      for (const {value, client} of strange)
        examples.push(`register ${register}: client ${client} read ${value}, which nobody wrote`);
      const violation = checkRegister(operations.filter((one) => !strange.includes(one)));
      if (violation === undefined) continue;
      stale += 1;
      examples.push(`register ${register}: ${violation.message}`);
    }
    return {stale, phantom, examples};
  }
}
