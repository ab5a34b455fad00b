// What the laboratory refuses, in words: a typing error must not look like a result.

import {assert} from '@flotilla/base';

export function mustBeCount(value: number, what: string): void {
  assert(Number.isSafeInteger(value) && value >= 0, () => `${what} is ${value}`);
}

export function mustBeOneOf(value: string, known: readonly string[], what: string): void {
  assert(known.includes(value), () => `no ${what} ${value}: there are ${known.join(', ')}`);
}

export function mustKnow(given: object, known: readonly string[], where: string): void {
  const strange = Object.keys(given).find((name) => !known.includes(name));
  assert(strange === undefined, () => `${where} knows no ${strange}: it takes ${known.join(', ')}`);
}
