import {DurationHistogram} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import {METRICS, type MetricDefinition} from './catalogue.ts';
import {exposition} from './exposition.ts';
import {parseExposition} from './exposition-parser.fixture.ts';
import type {Sample} from './sample.ts';

const LABELS = {role: 'leader'};

test('the samples of several threads are one series', async () => {
  const samples: Sample[] = [
    {metric: 'flotilla_raft_groups', labels: LABELS, value: 3},
    {metric: 'flotilla_raft_groups', labels: LABELS, value: 4},
    {metric: 'flotilla_raft_groups', labels: {role: 'follower'}, value: 1},
  ];
  const [groups] = parseExposition(await exposition(samples)).values();
  expect(groups).toMatchObject({name: 'flotilla_raft_groups', type: 'gauge'});
  expect(groups!.series.get('flotilla_raft_groups')).toEqual([
    {labels: LABELS, value: 7},
    {labels: {role: 'follower'}, value: 1},
  ]);
});

test('histograms add up bucket by bucket', async () => {
  const metric = 'flotilla_log_sync_duration_seconds';
  const [one, two] = [new DurationHistogram(), new DurationHistogram()];
  for (const ms of [0.05, 3]) one.observeMs(ms);
  for (const ms of [3, 60_000]) two.observeMs(ms);
  const text = await exposition([one, two].map((value) => ({metric, value})));
  const [family] = parseExposition(text).values();
  const buckets = family!.series.get(`${metric}_bucket`)!;
  const at = (le: string) => buckets.find(({labels}) => labels['le'] === le)?.value;
  expect([at('0.0001'), at('0.0025'), at('0.005'), at('30'), at('+Inf')]).toEqual([1, 1, 3, 3, 4]);
  expect(family!.series.get(`${metric}_sum`)![0]!.value).toBeCloseTo(60.00605);
});

test('every metric of the catalogue keeps the rules', async () => {
  for (const [metric, {type, labels}] of Object.entries(METRICS) as [
    Sample['metric'],
    MetricDefinition,
  ][]) {
    const own = Object.fromEntries(Object.keys(labels ?? {}).map((label) => [label, 'main']));
    const value = type === 'histogram' ? new DurationHistogram() : 1;
    const families = parseExposition(await exposition([{metric, labels: own, value}]));
    expect(families.get(metric)).toMatchObject({name: metric, type});
  }
});

describe('the parser of these tests is strict', () => {
  const GOOD = '# HELP a_total h\n# TYPE a_total counter\na_total{x="1"} 1\n';

  test('it takes what is right', () => {
    expect(parseExposition(GOOD).get('a_total')?.series.get('a_total')).toHaveLength(1);
  });

  test.each([
    ['no HELP', '# TYPE a_total counter\na_total 1\n'],
    ['a counter without _total', '# HELP a h\n# TYPE a counter\na 1\n'],
    ['a gauge with _total', '# HELP a_total h\n# TYPE a_total gauge\na_total 1\n'],
    ['no base unit', '# HELP a_ms h\n# TYPE a_ms gauge\na_ms 1\n'],
    ['a series twice', `${GOOD}a_total{x="1"} 2\n`],
    ['a metric twice', `${GOOD}${GOOD}`],
    ['a label twice', '# HELP a h\n# TYPE a gauge\na{x="1",x="2"} 1\n'],
    ['a stranger among the samples', `${GOOD}b_total 1\n`],
    ['a value that is none', '# HELP a h\n# TYPE a gauge\na undefined\n'],
    ['a counter below zero', '# HELP a_total h\n# TYPE a_total counter\na_total -1\n'],
    [
      'buckets that do not ascend',
      '# HELP a_seconds h\n# TYPE a_seconds histogram\na_seconds_bucket{le="1"} 2\n' +
        'a_seconds_bucket{le="+Inf"} 1\na_seconds_sum 1\na_seconds_count 1\n',
    ],
    [
      'a histogram without a sum',
      '# HELP a_seconds h\n# TYPE a_seconds histogram\n' +
        'a_seconds_bucket{le="+Inf"} 1\na_seconds_count 1\n',
    ],
  ])('it refuses %s', (_, text) => {
    expect(() => parseExposition(text)).toThrow();
  });
});
