// What an engine thread tells at a scrape: its counts and sums, gathered once, for all its replicas
// together. 10,000 replicas take some milliseconds; nothing here is per row or per series.

import {LIMITS} from '@flotilla/base';
import type {HostMetrics} from '@flotilla/multiraft';
import type {QueriesMemory} from '@flotilla/query';
import type {IndexBudget, MemtableBudget, ReplicaMachine} from '@flotilla/replica';
import type {ReadCounts, WriteCounts} from '@flotilla/router';
import type {StorageCounts, StorageSizes} from '@flotilla/storage';
import type {CompactionCounts} from '../adapters/compaction/compaction-client.ts';
import type {RpcStatus} from '../connections/index.ts';
import type {Parsers} from '../engine/parsers.ts';
import type {ServiceCounts} from '../engine/service-counts.ts';
import type {WorkTurns} from '../engine/work-turns.ts';
import type {WriteMemory} from '../engine/write-memory.ts';
import type {MetricName} from './catalogue.ts';
import {budget, byLabel, type Sample} from './sample.ts';

export interface ThreadParts {
  readonly thread: number;
  readonly host: HostMetrics;
  readonly rpc: RpcStatus;
  readonly machines: readonly ReplicaMachine[];
  readonly services: ServiceCounts;
  readonly writes: WriteCounts;
  readonly reads: ReadCounts;
  readonly storage: StorageCounts;
  readonly merges: CompactionCounts;
  readonly memory: WriteMemory;
  readonly memtables: MemtableBudget;
  readonly indexes: IndexBudget;
  /** They remember series from body to body. */
  readonly parsers: Parsers;
  readonly queries: QueriesMemory;
  readonly work: WorkTurns['counts'];
}

export function threadSamples(parts: ThreadParts): Sample[] {
  return [
    ...writeSamples(parts),
    ...querySamples(parts),
    ...workSamples(parts.work),
    ...raftSamples(parts.host),
    ...logSamples(parts.host),
    ...storageSamples(parts),
    ...mergeSamples(parts.merges),
    ...budgetSamples(parts),
    ...rpcSamples(parts.rpc),
  ];
}

function writeSamples({services, writes, host}: ThreadParts): Sample[] {
  return [
    ...byLabel('flotilla_write_bodies_total', 'outcome', Object.entries(services.bodies)),
    ...byLabel('flotilla_write_rows_total', 'outcome', Object.entries(writes.rows)),
    {metric: 'flotilla_write_wire_bytes_total', value: services.wireBytes},
    {metric: 'flotilla_write_inflated_bytes_total', value: services.inflatedBytes},
    {metric: 'flotilla_write_duration_seconds', value: services.write.copy()},
    ...stages('flotilla_write_stage_duration_seconds', {
      wait: services.writeWait.copy(),
      parse: services.parse.copy(),
      resolve: writes.resolve.copy(),
      commit: host.commit,
      apply: host.apply,
    }),
  ];
}

function querySamples({services, reads}: ThreadParts): Sample[] {
  return [
    ...byLabel('flotilla_statements_total', 'code', services.statements),
    {metric: 'flotilla_statement_duration_seconds', value: services.statement.copy()},
    {metric: 'flotilla_statement_first_byte_seconds', value: services.firstByte.copy()},
    ...stages('flotilla_query_stage_duration_seconds', {
      plan: services.plan.copy(),
      catalog: services.catalogIndex.copy(),
      read_index: reads.readIndex.copy(),
      scan: reads.scan.copy(),
      merge: services.merge.copy(),
    }),
  ];
}

function workSamples(counts: ThreadParts['work']): Sample[] {
  return Object.entries(counts).flatMap(([work, {slices, waits}]) => [
    {metric: 'flotilla_work_slice_seconds', labels: {work}, value: slices.copy()},
    {metric: 'flotilla_work_wait_seconds', labels: {work}, value: waits.copy()},
  ]);
}

function stages(metric: MetricName, histograms: Record<string, Sample['value']>): Sample[] {
  return byLabel(metric, 'stage', Object.entries(histograms));
}

function raftSamples(host: HostMetrics): Sample[] {
  const {roles, stoppedGroups, brokenGroups} = host;
  const groups = {...roles, stopped: stoppedGroups + brokenGroups};
  return [
    ...byLabel('flotilla_raft_groups', 'role', Object.entries(groups)),
    {metric: 'flotilla_raft_groups_awake', value: host.awake},
    {metric: 'flotilla_raft_groups_wedged', value: host.wedgedGroups},
    ...byLabel(
      'flotilla_raft_elections_started_total',
      'cause',
      Object.entries(host.electionsStarted),
    ),
    {metric: 'flotilla_raft_leader_changes_total', value: host.leaderChanges},
    {metric: 'flotilla_raft_proposals_dropped_total', value: host.proposalsDropped},
    ...byLabel('flotilla_raft_propose_duration_seconds', 'kind', Object.entries(host.propose)),
    ...byLabel('flotilla_raft_messages_sent_total', 'kind', Object.entries(host.messagesSent)),
    ...byLabel(
      'flotilla_raft_messages_received_total',
      'kind',
      Object.entries(host.messagesReceived),
    ),
    {metric: 'flotilla_raft_snapshots_sent_total', value: host.snapshotsSent},
    {metric: 'flotilla_raft_snapshots_received_total', value: host.snapshotsReceived},
    {metric: 'flotilla_raft_malformed_items_total', value: host.malformedItems},
    {metric: 'flotilla_raft_gone_items_total', value: host.itemsForGoneReplicas},
  ];
}

function logSamples({log}: HostMetrics): Sample[] {
  return [
    {metric: 'flotilla_log_batches_total', value: log.batches},
    {metric: 'flotilla_log_written_bytes_total', value: log.writtenBytes},
    ...log.syncs.map((value) => ({metric: 'flotilla_log_sync_duration_seconds', value}) as const),
    {metric: 'flotilla_log_queued_appends', value: log.queued},
    {metric: 'flotilla_log_bytes', value: log.bytes},
    {metric: 'flotilla_log_segments', value: log.segments},
  ];
}

function storageSamples({machines, storage}: ThreadParts): Sample[] {
  const sum = sumOfSizes(machines);
  const loaded = machines.reduce((count, {isLoaded}) => count + Number(isLoaded), 0);
  const replicas = Object.entries({loaded, unloaded: machines.length - loaded});
  return [
    ...byLabel('flotilla_storage_replicas', 'state', replicas),
    {metric: 'flotilla_storage_load_duration_seconds', value: storage.loads.copy()},
    {metric: 'flotilla_storage_memtable_bytes', value: sum.memtableBytes},
    {metric: 'flotilla_storage_index_bytes', value: sum.memoryBytes - sum.memtableBytes},
    {metric: 'flotilla_storage_series', value: sum.seriesCount},
    {metric: 'flotilla_storage_parts', value: sum.parts},
    {metric: 'flotilla_storage_parts_left_out', value: sum.leftOut},
    {metric: 'flotilla_storage_part_bytes', value: sum.partBytes},
    ...byLabel('flotilla_storage_scanned_blocks_total', 'by', [
      ['statistics', storage.summarisedBlocks],
      ['rows', storage.decodedBlocks],
    ]),
    {metric: 'flotilla_storage_flushes_total', value: storage.flushes},
    {metric: 'flotilla_storage_flushed_bytes_total', value: storage.flushedBytes},
    {metric: 'flotilla_storage_compactions_total', value: storage.compactions},
    {metric: 'flotilla_storage_compacted_bytes_total', value: storage.compactedBytes},
  ];
}

function mergeSamples({merges, cpuMs, readBytes, restMs, deaths}: CompactionCounts): Sample[] {
  return [
    {metric: 'flotilla_compaction_merges_total', value: merges},
    {metric: 'flotilla_compaction_cpu_seconds_total', value: cpuMs / 1_000},
    {metric: 'flotilla_compaction_rest_seconds_total', value: restMs / 1_000},
    {metric: 'flotilla_compaction_read_bytes_total', value: readBytes},
    {metric: 'flotilla_compaction_thread_deaths_total', value: deaths},
  ];
}

/** In one go: a list of the sizes of thousands of replicas is garbage that outlives the young. */
function sumOfSizes(machines: readonly ReplicaMachine[]): StorageSizes {
  const sum = {
    parts: 0,
    leftOut: 0,
    partBytes: 0,
    memtableBytes: 0,
    memoryBytes: 0,
    seriesCount: 0,
  };
  for (const machine of machines) {
    const {parts, leftOut, partBytes, memtableBytes, memoryBytes, seriesCount} =
      machine.storage.sizes();
    sum.parts += parts;
    sum.leftOut += leftOut;
    sum.partBytes += partBytes;
    sum.memtableBytes += memtableBytes;
    sum.memoryBytes += memoryBytes;
    sum.seriesCount += seriesCount;
  }
  return sum;
}

function budgetSamples(parts: ThreadParts): Sample[] {
  const {host, rpc, memory, memtables, indexes, parsers, queries} = parts;
  const thread = String(parts.thread);
  return [
    ...budget('writes', thread, memory.bytes, memory.bytesMax),
    ...budget('series_caches', thread, parsers.bytes, parsers.bytesMax),
    ...budget('proposals', thread, host.proposalBytes, host.proposalBytesMax),
    ...budget('memtables', thread, memtables.bytes, memtables.bytesMax),
    ...budget('indexes', thread, indexes.bytes, indexes.bytesMax),
    ...budget('queries', thread, queries.bytes, queries.bytesMax),
    ...budget('calls', thread, rpc.bytes, LIMITS.rpc_bytes_in_flight_max.value),
  ];
}

function rpcSamples({outcomes, calls, malformed}: RpcStatus): Sample[] {
  return [
    ...byLabel('flotilla_rpc_calls_total', 'code', outcomes),
    {metric: 'flotilla_rpc_calls_in_flight', value: calls},
    {metric: 'flotilla_rpc_malformed_frames_total', value: malformed},
  ];
}
