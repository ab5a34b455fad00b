// Words that a person looks for, in colour: verdicts and states. Only on a terminal, and not where
// NO_COLOR is set (no-color.org) or the terminal says that it is a dumb one.

import type {Terminal} from './terminal.ts';

/** SGR parameters of ECMA-48: green, yellow, red. */
const GOOD = '32';
const DOUBTFUL = '33';
const BAD = '31';

const TONES: Readonly<Record<string, string>> = {
  healthy: GOOD,
  active: GOOD,
  done: GOOD,
  ok: GOOD,
  degraded: DOUBTFUL,
  draining: DOUBTFUL,
  drained: DOUBTFUL,
  cancelling: DOUBTFUL,
  cancelled: DOUBTFUL,
  paused: DOUBTFUL,
  unavailable: BAD,
  failed: BAD,
  unreachable: BAD,
  missing: BAD,
  stopped: BAD,
  wedged: BAD,
};

export function isColoured({stdout, env}: Terminal): boolean {
  const isRefused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return stdout.isTTY === true && !isRefused;
}

/** `shown` with `word` in its colour, if it has one: the blanks around it stay as they are. */
export function tint(shown: string, word = shown): string {
  const tone = Object.hasOwn(TONES, word) ? TONES[word] : undefined;
  return tone === undefined ? shown : shown.replace(word, `\x1b[${tone}m${word}\x1b[0m`);
}
