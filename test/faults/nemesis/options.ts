// What `npm run faults` is told.

import {parseArgs} from 'node:util';

export interface Options {
  readonly minutes: number;
  /** Decides what strikes when; what the processes make of it is theirs. */
  readonly seed: number;
  readonly json: boolean;
  readonly help: boolean;
}

export const USAGE = `usage: npm run faults -- [--minutes n] [--seed n] [--json]

Five nodes of this machine under load, while a nemesis kills, freezes, cuts off, slows, fills, wipes and
restarts them and an operator moves replicas; then it is checked that nothing was lost.

  --minutes n   how long faults strike (default 3; may be a fraction); the founding comes before, the
                checks after: together under two minutes, unless something is wrong
  --seed n      the same seed plans the same faults (default 1)
  --json        one line of JSON at the end instead of the table

Exit code: 0 without violations, 1 with some, 2 if this was not understood.

Examples:
  npm run faults -- --minutes 30 --seed 7 --json
  FLOTILLA_KEEP_DATA=1 npm run faults -- --minutes 1   (keeps the nodes' directories and logs)
`;

/** Throws with what is wrong, for a person. */
export function readOptions(words: readonly string[]): Options {
  const {values} = parseArgs({
    args: [...words],
    options: {
      minutes: {type: 'string', default: '3'},
      seed: {type: 'string', default: '1'},
      json: {type: 'boolean', default: false},
      help: {type: 'boolean', default: false},
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 24 * 60))
    throw new Error(`--minutes: want a number above 0, have ${values.minutes}`);
  const seed = Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new Error(`--seed: want a whole number from 0, have ${values.seed}`);
  return {minutes, seed, json: values.json, help: values.help};
}
