// What an engine thread has before its host is open.

import {type Clock, LIMITS, type Log, type Random} from '@flotilla/base';
import {QueriesMemory} from '@flotilla/query';
import {IndexBudget, MemtableBudget} from '@flotilla/replica';
import {NodeWatch} from '@flotilla/router';
import {MergesInTurns, OpenFiles, StorageCounts} from '@flotilla/storage';
import {CompactionClient} from '../adapters/compaction/compaction-client.ts';
import {CopyClient} from '../adapters/copying/copy-client.ts';
import {NodeClock} from '../adapters/node-clock.ts';
import {NodeDisk} from '../adapters/node-disk.ts';
import {createNodeRandom} from '../adapters/node-random.ts';
import {ThreadWatch} from '../metrics/thread-watch.ts';
import {AuditPort} from './audit-port.ts';
import type {EngineOptions, FromEngine} from './messages.ts';
import type {CertificateEnds} from './node-condition.ts';
import {WorkTurns} from './work-turns.ts';

/** To merge so much takes as long as to start a thread for it, 0.2 s of CPU (docs/decisions/0013). */
const THREAD_BYTES_MIN = 16 * 1024 * 1024;

export interface ThreadBase {
  readonly options: EngineOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly disk: NodeDisk;
  readonly emit: (message: FromEngine) => void;
  readonly audit: AuditPort;
  /** The main thread tells when they end. */
  readonly certificates: {ends: CertificateEnds | undefined};
  /** Told which nodes answer. */
  readonly nodes: NodeWatch;
  readonly memtables: MemtableBudget;
  readonly indexes: IndexBudget;
  readonly queries: QueriesMemory;
  readonly storageCounts: StorageCounts;
  readonly openFiles: OpenFiles;
  readonly merges: CompactionClient;
  readonly copies: CopyClient;
  readonly watch: ThreadWatch;
  readonly turns: WorkTurns;
}

export function threadBase(
  options: EngineOptions,
  {emit, log}: Pick<ThreadBase, 'emit' | 'log'>,
): ThreadBase {
  const clock = new NodeClock();
  const turns = new WorkTurns(clock);
  const disk = new NodeDisk(options.dataDirectory);
  return {
    options,
    clock,
    random: createNodeRandom(),
    log,
    disk,
    emit,
    audit: new AuditPort(emit),
    certificates: {ends: undefined},
    nodes: new NodeWatch(options.node),
    memtables: new MemtableBudget(options.memory.memtables_bytes_max),
    indexes: new IndexBudget(options.memory.series_indexes_bytes_max),
    queries: new QueriesMemory(options.memory.queries_memory_bytes_max),
    storageCounts: new StorageCounts(),
    openFiles: new OpenFiles(),
    merges: new CompactionClient({
      directory: options.dataDirectory,
      share: {
        cpu: LIMITS.compaction_cpu_ms_per_second_max.value / 1_000,
        bytesPerSecond: LIMITS.compaction_bytes_per_second_max.value,
      },
      threadBytesMin: THREAD_BYTES_MIN,
      inTurns: new MergesInTurns(disk, turns),
      clock,
      log,
    }),
    copies: new CopyClient({directory: options.dataDirectory, clock, log}),
    watch: new ThreadWatch(clock, String(options.thread)),
    turns,
  };
}
