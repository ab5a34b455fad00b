// What both runs of chaos hold to.

import {DbError} from '@flotilla/base';
import {expect} from 'vitest';

/** What a replica applied holds every acknowledged value, and none twice. */
export function expectNothingLost(
  set: number,
  values: readonly string[],
  acknowledged: readonly string[],
): void {
  expect(new Set(values).size, `set ${set} applied something twice`).toBe(values.length);
  const present = new Set(values);
  for (const value of acknowledged)
    expect(present.has(value), `${value} was acknowledged and is lost`).toBe(true);
}

/** Faults make refusals and unknown outcomes; anything else is a bug. */
export function expectDbError(error: unknown): void {
  if (!(error instanceof DbError)) throw error;
}
