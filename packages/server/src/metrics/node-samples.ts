// What the main thread knows of this node beside the others: connections, clocks, and how long the
// engine threads' writes wait for their disks.

import {LIMITS} from '@flotilla/base';
import type {ConnectionStatus} from '../connections/index.ts';
import {budget, type Sample} from './sample.ts';

const MS_PER_S = 1e3;

export interface NodeStatus {
  readonly connections: readonly ConnectionStatus[];
  readonly framesDropped: number;
  /** The wall clock of each other node that is alive, less this one's. */
  readonly clockOffsetsMs: readonly number[];
  /** Of each engine thread: since its oldest write was begun that its disk has not taken. */
  readonly writeAgesMs: readonly number[];
  /** Of this node's own certificate; absent without TLS. */
  readonly certificateEndsAtMs?: number | undefined;
  /** Of the authority of that. */
  readonly authorityEndsAtMs?: number | undefined;
}

export function nodeSamples(status: NodeStatus): Sample[] {
  const {connections, framesDropped, clockOffsetsMs, writeAgesMs} = status;
  const connected = connections.filter((node) => node.connected).length;
  const metric = 'flotilla_node_connections';
  const queued = (channel: 'control' | 'bulk'): Sample => ({
    metric: 'flotilla_node_send_queue_bytes',
    labels: {channel},
    value: connections.reduce((sum, {queuedBytes}) => sum + queuedBytes[channel], 0),
  });
  const offsetMs = Math.max(0, ...clockOffsetsMs.map(Math.abs));
  const writeAgeMs = Math.max(0, ...writeAgesMs);
  // Each node has a queue for each channel, and the limit is of one.
  const fullest = Math.max(
    0,
    ...connections.map(({queuedBytes: {control, bulk}}) => Math.max(control, bulk)),
  );
  return [
    {metric, labels: {state: 'connected'}, value: connected},
    {metric, labels: {state: 'disconnected'}, value: connections.length - connected},
    queued('control'),
    queued('bulk'),
    ...budget('node_queue', 'main', fullest, LIMITS.node_queue_bytes_max.value),
    {metric: 'flotilla_node_frames_dropped_total', value: framesDropped},
    {metric: 'flotilla_node_clock_offset_seconds_max', value: offsetMs / MS_PER_S},
    {metric: 'flotilla_log_write_age_seconds', value: writeAgeMs / MS_PER_S},
    ...endSamples(status),
  ];
}

function endSamples({certificateEndsAtMs, authorityEndsAtMs}: NodeStatus): Sample[] {
  const sample = (metric: Sample['metric'], endsAtMs: number | undefined): Sample[] =>
    endsAtMs === undefined ? [] : [{metric, value: Math.floor(endsAtMs / MS_PER_S)}];
  return [
    ...sample('flotilla_tls_certificate_expiry_timestamp_seconds', certificateEndsAtMs),
    ...sample('flotilla_tls_authority_expiry_timestamp_seconds', authorityEndsAtMs),
  ];
}
