// One number, or one histogram, of one metric, as a thread tells it: plain data that crosses threads.
// Samples of the same metric and labels are one series, the sum of all threads'.

import type {HistogramCounts} from '@flotilla/base';
import type {MetricName} from './catalogue.ts';

export interface Sample {
  readonly metric: MetricName;
  /** Of a series, always in the same order. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly value: number | HistogramCounts;
}

/** One series for each name of an object of counts, or of histograms. */
export function byLabel(
  metric: MetricName,
  label: string,
  counts: Iterable<readonly [string, Sample['value']]>,
): Sample[] {
  return [...counts].map(([name, value]) => ({metric, labels: {[label]: name}, value}));
}

/** What of a byte budget is used, and the budget. */
export function budget(name: string, thread: string, used: number, limit: number): Sample[] {
  const labels = {budget: name, thread};
  return [
    {metric: 'flotilla_budget_used_bytes', labels, value: used},
    {metric: 'flotilla_budget_limit_bytes', labels, value: limit},
  ];
}
