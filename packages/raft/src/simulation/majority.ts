// Majorities counted anew, so that the laws do not lean on what they check.

import type {Configuration} from '../configuration.ts';

/** Whether more than half of each half that there is agrees. */
export function agrees(
  {voters, votersOutgoing}: Configuration,
  holds: (id: number) => boolean,
): boolean {
  return [voters, votersOutgoing].every(
    (half) => half.length === 0 || half.filter(holds).length * 2 > half.length,
  );
}
