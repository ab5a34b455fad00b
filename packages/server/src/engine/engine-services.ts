// What an engine thread does for HTTP, and what it has counted by then.

import {isMainThread} from 'node:worker_threads';
import type {Catalog} from '@flotilla/catalog';
import type {ReplicaMachine} from '@flotilla/replica';
import {FragmentReader, type ReadCounts} from '@flotilla/router';
import {NodeDisk} from '../adapters/node-disk.ts';
import {BackupRuns} from '../backup/backup-runs.ts';
import type {Sample} from '../metrics/sample.ts';
import {type ThreadParts, threadSamples} from '../metrics/thread-samples.ts';
import {AdminService} from './admin-service.ts';
import {ClusterView} from './cluster-view.ts';
import type {EngineServices} from './engine-calls.ts';
import type {EngineCore} from './engine-core.ts';
import {machinesOf} from './machines.ts';
import {Parsers} from './parsers.ts';
import {ServiceCounts} from './service-counts.ts';
import {SqlService} from './sql-service.ts';
import type {ThreadBase} from './thread-base.ts';
import {WriteMemory} from './write-memory.ts';
import {type CreateDatabase, WriteService} from './write-service.ts';

export function createServices(
  base: ThreadBase,
  core: EngineCore,
  reads: ReadCounts,
): EngineServices {
  const {options, clock, random, nodes, turns} = base;
  const {host, rpc, copy, meta, leaders, proposer, router} = core;
  const catalog = (): Catalog => copy.catalog;
  const asking = {rpc, catalog, leaders, nodes, clock, random};
  const reader = new FragmentReader({node: options.node, ...asking});
  const view = new ClusterView({rpc, clock, catalog});
  const memory = new WriteMemory(options.memory.writes_in_flight_bytes_max);
  const parsers = new Parsers(options.memory.series_caches_bytes_max);
  const counts = new ServiceCounts();
  const {trashRetentionMs} = options.settings;
  const backups = new BackupRuns({
    ...{node: options.node, access: copy, rpc, nodes, clock, log: base.log},
    openDisk: (directory) => new NodeDisk(directory),
    build: options.version,
  });
  const createDatabase: CreateDatabase | undefined = options.autoCreateDatabase
    ? async (tenant, name, deadlineMs) => {
        const command = {type: 'create-database', tenant, name, ifNotExists: true} as const;
        await proposer.propose({...command, options: {}}, deadlineMs);
      }
    : undefined;
  return {
    writes: new WriteService({
      ...{access: copy, router, clock, turns, memory, parsers},
      createDatabase,
      counts,
    }),
    sql: new SqlService({
      ...{access: copy, meta, reader, router, view, clock, counts},
      slices: turns,
      memory: base.queries,
      audit: base.audit,
      trashRetentionMs,
    }),
    admin: new AdminService({
      ...{access: copy, meta, plans: meta, view, reader, rpc, clock, router},
      slices: turns,
      trashRetentionMs,
    }),
    backups,
    storage: (action) => settleStorage(action, machinesOf(host)),
    counts,
    measure: () => [
      ...measured(base, core, {reads, services: counts, memory, parsers}),
      ...(options.thread === 0 ? backups.samples() : []),
    ],
  };
}

function measured(
  {options, memtables, indexes, queries, storageCounts: storage, merges, turns, watch}: ThreadBase,
  {host, rpc, metaRole, router}: EngineCore,
  ofServices: Pick<ThreadParts, 'reads' | 'services' | 'memory' | 'parsers'>,
): readonly Sample[] {
  const samples = threadSamples({
    ...ofServices,
    thread: options.thread,
    host: host.metrics(),
    rpc: rpc.status(),
    machines: machinesOf(host),
    writes: router.counts,
    storage,
    merges: merges.counts,
    memtables,
    indexes,
    queries,
    work: turns.counts,
  });
  const ofCluster = metaRole?.samples() ?? [];
  return [...samples, ...ofCluster, ...(isMainThread ? [] : watch.samples())];
}

/** One after the other: flushes and compactions of one disk gain nothing from company. */
async function settleStorage(action: string, machines: readonly ReplicaMachine[]): Promise<void> {
  for (const machine of machines) {
    await machine.flush();
    if (action === 'storage-compact') await machine.compactAll();
  }
}
