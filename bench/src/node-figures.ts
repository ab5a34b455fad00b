// Figures of a running node, from its /metrics.

import {request} from './targets/server-process.ts';

/** One sample: its name, its labels and its value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export async function scrape(url: string): Promise<Sample[]> {
  return parseSamples(await request(`${url}/metrics`, {signal: AbortSignal.timeout(10_000)}));
}

/** Prometheus's text format, as far as Flotilla writes it. */
export function parseSamples(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) return [];
    const [, name = '', labelText = '', value = ''] = match;
    const labels = [...labelText.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]);
    return [{name, labels: Object.fromEntries(labels), value: Number(value)}];
  });
}

/** The sum of a metric's samples whose labels are so. */
export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return samples
    .filter((sample) => sample.name === name && hasLabels(sample, labels))
    .reduce((sum, {value}) => sum + value, 0);
}

/**
 * The longest pause that a histogram in seconds saw between two scrapes, as the upper bound in
 * milliseconds of the highest bucket that grew: at least the longest pause, at most the next bound. 0
 * where nothing was counted, Infinity beyond the last bound.
 */
export function longestMs(
  before: readonly Sample[],
  after: readonly Sample[],
  histogram: {readonly name: string; readonly thread: string},
): number {
  const {name, thread} = histogram;
  const counts = (samples: readonly Sample[]) =>
    new Map(
      samples
        .filter((sample) => sample.name === `${name}_bucket` && sample.labels['thread'] === thread)
        .map(({labels, value}) => [bound(labels['le']), value] as const),
    );
  const earlier = counts(before);
  let below = 0;
  let longest = 0;
  for (const [le, value] of [...counts(after)].sort(([a], [b]) => a - b)) {
    const grown = value - (earlier.get(le) ?? 0);
    if (grown > below) longest = le * 1000;
    below = grown;
  }
  return longest;
}

function bound(le = ''): number {
  return le === '+Inf' ? Infinity : Number(le);
}

function hasLabels(sample: Sample, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
}
