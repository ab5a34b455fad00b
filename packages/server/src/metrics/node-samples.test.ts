import {LIMITS} from '@flotilla/base';
import {expect, test} from 'vitest';
import {type NodeStatus, nodeSamples} from './node-samples.ts';

const ALONE: NodeStatus = {
  connections: [],
  framesDropped: 0,
  clockOffsetsMs: [],
  writeAgesMs: [],
};

function sampled(metric: string, status: Partial<NodeStatus>): unknown {
  return nodeSamples({...ALONE, ...status}).find((sample) => sample.metric === metric)?.value;
}

test('the clock furthest from this one counts, ahead or behind', () => {
  const metric = 'flotilla_node_clock_offset_seconds_max';
  expect(sampled(metric, {})).toBe(0);
  expect(sampled(metric, {clockOffsetsMs: [20, -1_500]})).toBe(1.5);
  expect(sampled(metric, {clockOffsetsMs: [-20, 12_000]})).toBe(12);
});

test('the oldest write of all threads counts', () => {
  const metric = 'flotilla_log_write_age_seconds';
  expect(sampled(metric, {})).toBe(0);
  expect(sampled(metric, {writeAgesMs: [0, 2_500, 3]})).toBe(2.5);
});

test('connections and queues are sums over the other nodes', () => {
  const connection = {queuedBytes: {control: 1, bulk: 10}} as NodeStatus['connections'][number];
  const connections = [
    {...connection, connected: true},
    {...connection, connected: false},
    {...connection, connected: true},
  ];
  const told = nodeSamples({...ALONE, connections}).map(({labels, value}) => [labels, value]);
  expect(told.slice(0, 4)).toEqual([
    [{state: 'connected'}, 2],
    [{state: 'disconnected'}, 1],
    [{channel: 'control'}, 3],
    [{channel: 'bulk'}, 30],
  ]);
});

test('the fullest of all queues is told beside what one may hold', () => {
  const queues = [
    {control: 3, bulk: 0},
    {control: 1, bulk: 2},
  ].map((queuedBytes) => ({queuedBytes}) as NodeStatus['connections'][number]);
  const used = (connections: NodeStatus['connections']) =>
    sampled('flotilla_budget_used_bytes', {connections});
  expect(used([])).toBe(0);
  expect(used(queues)).toBe(3);
  expect(used(queues.slice(1))).toBe(2);
  expect(sampled('flotilla_budget_limit_bytes', {})).toBe(LIMITS.node_queue_bytes_max.value);
});

test('the end of the certificate is told where there is one', () => {
  const metric = 'flotilla_tls_certificate_expiry_timestamp_seconds';
  expect(sampled(metric, {})).toBeUndefined();
  expect(sampled(metric, {certificateEndsAtMs: 1_800_000_000_000})).toBe(1_800_000_000);
  const authority = 'flotilla_tls_authority_expiry_timestamp_seconds';
  expect(sampled(authority, {authorityEndsAtMs: 1_900_000_000_000})).toBe(1_900_000_000);
});
