// Samples in Prometheus's text format 0.0.4. prom-client adds up what several threads tell of one
// series and writes the text; the numbers are counted elsewhere.

import type {HistogramCounts} from '@flotilla/base';
import {AggregatorRegistry, Registry} from 'prom-client';
import {METRICS, type MetricDefinition, type MetricName} from './catalogue.ts';
import type {Sample} from './sample.ts';

export const EXPOSITION_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

interface Value {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly metricName: string;
}

/** Metrics without a sample are left out. */
export function exposition(samples: Iterable<Sample>): Promise<string> {
  const values = new Map<MetricName, Value[]>();
  for (const sample of samples) {
    const known = values.get(sample.metric) ?? [];
    known.push(...valuesOf(sample));
    values.set(sample.metric, known);
  }
  const metrics = (Object.entries(METRICS) as [MetricName, MetricDefinition][])
    .filter(([name]) => values.has(name))
    .map(([name, {type, help}]) => ({
      name,
      help,
      type,
      aggregator: 'sum',
      values: values.get(name)!,
    }));
  return AggregatorRegistry.aggregate([metrics]).metrics();
}

function valuesOf({metric, labels = {}, value}: Sample): Value[] {
  if (typeof value === 'number') return [{metricName: metric, labels, value}];
  return histogramValues(metric, labels, value);
}

/** Each bucket holds those below it too. */
function histogramValues(
  metric: MetricName,
  labels: Value['labels'],
  {bounds, counts, sum}: HistogramCounts,
): Value[] {
  const values: Value[] = [];
  let count = 0;
  for (const [at, own] of counts.entries()) {
    count += own;
    const le = at < bounds.length ? String(bounds[at]) : '+Inf';
    values.push({metricName: `${metric}_bucket`, labels: {...labels, le}, value: count});
  }
  values.push({metricName: `${metric}_sum`, labels, value: sum});
  values.push({metricName: `${metric}_count`, labels, value: count});
  return values;
}
