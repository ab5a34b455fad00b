// What so many rows a second need: cores, memory, disk and network of each node. Arithmetic on constants, each of
// which is a limit of the program (a test holds them together) or was measured by `npm run bench -- plan`, as
// docs/capacity.md tells. Nothing here asks a cluster or looks at a clock.

import {blockRowsOf} from './block-rows.ts';

export const VALUE_KINDS = ['integer', 'decimal', 'float'] as const;
/** integer: whole numbers. decimal: two digits after the point. float: every digit. */
export type ValueKind = (typeof VALUE_KINDS)[number];

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1_000;
export const DAY_MS = 86_400 * SECOND_MS;

/** What the program does by itself, or bounds. */
export const PROGRAM = {
  /** Rows lie so long in memory at most. */
  flushAgeMs: 600 * SECOND_MS,
  /** Of a replica; beyond it its memtable is flushed. */
  memtableBytes: 64 * MIB,
  /** Of an engine thread; `memtables_bytes_max`. */
  memtablesBytesMax: 512 * MIB,
  segmentBytes: 64 * MIB,
  /** What the log keeps for replicas that are behind: of a replica set, and of a store. */
  groupLogBytesMax: 64 * MIB,
  storeLogBytesMax: 1024 * MIB,
  ballastBytes: 16 * MIB,
  trashMs: DAY_MS,
  /** Below it a node takes no new replicas. */
  freeShare: 0.15,
  shardsMin: 4,
  shardsMax: 64,
  /** Of the machine's memory, what a node takes; series indexes fit a quarter of that. */
  memoryShare: 0.6,
  indexShare: 1 / 4,
  seriesPerSetMax: 1_000_000,
  bucketsMax: 1_000,
} as const;

interface ByKind {
  readonly integer: number;
  readonly decimal: number;
  readonly float: number;
}

/** Measured; docs/capacity.md says how, and on which machine. */
export const MEASURED = {
  /** One replica, ten integers: the unit in which all other CPU is told. */
  rowsPerCpuSecond: 225_000,
  /** Of a row without its values, and of each value; only their ratios count. */
  rowMicros: 3.4,
  valueMicros: {integer: 0.1, decimal: 0.1, float: 0.33},
  /** What each further replica takes, of what the first does. */
  replicaShare: 1,
  /** Of a core, of a node that has nothing to do. */
  idleCores: 0.025,
  logRowBytes: 5.2,
  logValueBytes: {integer: 0.86, decimal: 1.73, float: 8},
  partValueBytes: {integer: 0.33, decimal: 1.18, float: 6.47},
  /** Of a block, of each of its columns, the times' among them. */
  blockColumnBytes: 7,
  /** A series' key as it stands in a bucket's key file. */
  keyBytes: 82,
  /** A node that takes writes, beside its rows and series. */
  processBytes: 594 * MIB,
  memtableRowBytes: 12,
  memtableValueBytes: 8,
  indexBytes: 200,
  seriesCacheBytes: 1_100,
  /** A replica that nobody uses, its Raft group included. */
  idleReplicaBytes: 25 * KIB,
} as const satisfies Record<string, number | ByKind>;

/** Choices; docs/capacity.md says why. */
export const CHOSEN = {
  /** Of the cores: the rest is for queries, for bursts, and for copies of replicas. */
  busyShare: 0.5,
  /** One for the main thread, one for the engine. */
  coresMin: 2,
} as const;

export interface CapacityQuestion {
  readonly hosts: number;
  readonly intervalMs: number;
  readonly fields: number;
  readonly values: ValueKind;
  readonly retentionMs: number;
  readonly bucketMs: number;
  readonly replicas: number;
  /** At least as many as replicas. */
  readonly nodes: number;
  /** Of one replica with ten integers, on the machine that is planned for. */
  readonly rowsPerCpuSecond: number;
}

/** Of one replica, where nothing else is said. */
export interface RowCosts {
  /** Of all replicas together. */
  readonly cpuMicros: number;
  readonly logBytes: number;
  readonly partBytes: number;
}

export interface NodeMemory {
  readonly process: number;
  readonly memtables: number;
  readonly seriesIndexes: number;
  readonly seriesCaches: number;
  readonly idleReplicas: number;
  readonly used: number;
  /** What `--memory` should be at least. */
  readonly given: number;
  readonly machine: number;
}

export interface NodeDisk {
  readonly parts: number;
  /** Rows that are past their time, in a bucket that is not. */
  readonly expiring: number;
  readonly trash: number;
  readonly keys: number;
  readonly log: number;
  readonly compaction: number;
  readonly ballast: number;
  readonly used: number;
  readonly free: number;
  readonly total: number;
}

export interface CapacityPlan {
  readonly rowsPerSecond: number;
  readonly valuesPerSecond: number;
  readonly row: RowCosts;
  readonly bytesPerValue: number;
  readonly shards: number;
  readonly buckets: number;
  /** Each node; where there are several and one of them may be away, of those that are left. */
  readonly node: {
    readonly cores: number;
    readonly busyCores: number;
    readonly engineThreads: number;
    readonly memoryBytes: NodeMemory;
    readonly diskBytes: NodeDisk;
    readonly sentBytesPerSecond: number;
  };
  readonly cluster: {
    readonly cores: number;
    readonly memoryBytes: number;
    readonly diskBytes: number;
  };
}

/** Requires at least one row a bucket, a node for each replica, and series that fit the most shards. */
export function planCapacity(question: CapacityQuestion): CapacityPlan {
  const {hosts, intervalMs, fields, nodes} = question;
  const rowsPerSecond = (hosts * SECOND_MS) / intervalMs;
  const row = rowCosts(question);
  const busyCores = busyCoresOf(question, rowsPerSecond);
  const cores = Math.max(CHOSEN.coresMin, Math.ceil(busyCores / CHOSEN.busyShare));
  // As a node chooses: one core is the main thread's.
  const engineThreads = cores - 1;
  const shards = shardsOf(question, engineThreads);
  const load: Load = {...question, rowsPerSecond, row, engineThreads, shards};
  const memoryBytes = memoryOf(load);
  const diskBytes = diskOf(load);
  return {
    rowsPerSecond,
    valuesPerSecond: rowsPerSecond * fields,
    row,
    bytesPerValue: row.partBytes / fields,
    shards,
    buckets: bucketsOf(question),
    node: {
      ...{cores, busyCores, engineThreads, memoryBytes, diskBytes},
      sentBytesPerSecond: sentBytesPerSecond(load),
    },
    cluster: {
      cores: cores * nodes,
      memoryBytes: memoryBytes.machine * nodes,
      diskBytes: diskBytes.total * nodes,
    },
  };
}

interface Load extends CapacityQuestion {
  readonly rowsPerSecond: number;
  readonly row: RowCosts;
  readonly engineThreads: number;
  readonly shards: number;
}

function rowCosts(question: CapacityQuestion): RowCosts {
  const {fields, values, replicas, intervalMs, bucketMs} = question;
  const {logRowBytes, logValueBytes, partValueBytes, blockColumnBytes} = MEASURED;
  const blockRows = blockRowsOf(intervalMs, bucketMs);
  return {
    cpuMicros: cpuMicrosOf(question, replicas),
    logBytes: logRowBytes + fields * logValueBytes[values],
    partBytes: fields * partValueBytes[values] + ((fields + 1) * blockColumnBytes) / blockRows,
  };
}

/** Of a row, all of its replicas together. */
function cpuMicrosOf(
  {fields, values, rowsPerCpuSecond}: CapacityQuestion,
  replicas: number,
): number {
  const {rowMicros, valueMicros, replicaShare} = MEASURED;
  const unit = (rowMicros + 10 * valueMicros.integer) * rowsPerCpuSecond;
  const first = ((rowMicros + fields * valueMicros[values]) * 1e6) / unit;
  return first * (1 + replicaShare * (replicas - 1));
}

/** Of each node that is left while one is away: its replicas are not there, or were made anew on the others. */
function busyCoresOf(question: CapacityQuestion, rowsPerSecond: number): number {
  const {replicas, nodes} = question;
  const left = replicas > 1 ? nodes - 1 : nodes;
  const micros = cpuMicrosOf(question, Math.min(replicas, left));
  return MEASURED.idleCores + (rowsPerSecond * micros) / 1e6 / left;
}

/** As many as a database has by itself; more where its replica sets would hold too many series. */
function shardsOf({hosts, nodes}: CapacityQuestion, engineThreads: number): number {
  const {shardsMin, shardsMax, seriesPerSetMax} = PROGRAM;
  const forSeries = Math.ceil(hosts / seriesPerSetMax);
  return Math.min(shardsMax, Math.max(shardsMin, nodes * engineThreads, forSeries));
}

/** What a node holds of all replicas: of those that are left, where one is away for long. */
function shareOfNode({replicas, nodes}: CapacityQuestion): number {
  const left = nodes > replicas && replicas > 1 ? nodes - 1 : nodes;
  return replicas / left;
}

/** That are on the disk: a bucket goes as a whole, once its last row is past its time, and the trash's time is over. */
function bucketsOf({retentionMs, bucketMs}: CapacityQuestion): number {
  return Math.ceil((retentionMs + PROGRAM.trashMs) / bucketMs) + 1;
}

function memoryOf(load: Load): NodeMemory {
  const {hosts, engineThreads, shards} = load;
  const share = shareOfNode(load);
  const replicasHeld = bucketsOf(load) * shards * share;
  const process = MEASURED.processBytes;
  const memtables = memtableBytesOf(load);
  const seriesIndexes = hosts * share * MEASURED.indexBytes;
  // Whichever node is asked, whichever of its threads parses: in the end each has met all series.
  const seriesCaches = hosts * engineThreads * MEASURED.seriesCacheBytes;
  const idleReplicas = replicasHeld * MEASURED.idleReplicaBytes;
  const used = process + memtables + seriesIndexes + seriesCaches + idleReplicas;
  const least = leastMemoryOf(engineThreads);
  const given = Math.max(used, least, seriesIndexes / PROGRAM.indexShare);
  const machine = given / PROGRAM.memoryShare;
  const held = {process, memtables, seriesIndexes, seriesCaches, idleReplicas};
  return {...held, used, given, machine};
}

/** As `memoryBytesMin` of packages/base has it. */
export function leastMemoryOf(engineThreads: number): number {
  return 2 * (64 + engineThreads * 240) * MIB;
}

function memtableRowBytes({fields}: CapacityQuestion): number {
  return MEASURED.memtableRowBytes + fields * MEASURED.memtableValueBytes;
}

/** Rows of ten minutes, or as many as a memtable takes: of each replica that is written to. */
function memtableBytesOf(load: Load): number {
  const {rowsPerSecond, shards, engineThreads} = load;
  const {flushAgeMs, memtableBytes, memtablesBytesMax} = PROGRAM;
  const rowsOfReplica = (rowsPerSecond / shards) * (flushAgeMs / SECOND_MS);
  const ofReplica = Math.min(memtableBytes, rowsOfReplica * memtableRowBytes(load));
  return Math.min(engineThreads * memtablesBytesMax, ofReplica * shards * shareOfNode(load));
}

function diskOf(load: Load): NodeDisk {
  const {hosts, engineThreads, rowsPerSecond, row, retentionMs, bucketMs, shards} = load;
  const share = shareOfNode(load);
  const bytesPerMs = (rowsPerSecond / SECOND_MS) * row.partBytes * share;
  const parts = bytesPerMs * retentionMs;
  const expiring = bytesPerMs * bucketMs;
  const trash = bytesPerMs * PROGRAM.trashMs;
  const keys = hosts * share * bucketsOf(load) * MEASURED.keyBytes;
  const log = engineThreads * logBytesOfStore(load);
  // Each engine thread merges one replica at a time; until that is done old and new parts lie side by side.
  const replicasOfBucket = shards * share;
  const compaction = expiring * Math.min(1, engineThreads / replicasOfBucket);
  const ballast = engineThreads * PROGRAM.ballastBytes;
  const used = parts + expiring + trash + keys + log + compaction + ballast;
  const total = used / (1 - PROGRAM.freeShare);
  const held = {parts, expiring, trash, keys, log, compaction, ballast};
  return {...held, used, free: total - used, total};
}

/** Up to what it keeps for replicas that are away; what is not in parts yet is in it in any case. */
function logBytesOfStore(load: Load): number {
  const {rowsPerSecond, row, engineThreads, shards, replicas} = load;
  const {flushAgeMs, groupLogBytesMax, storeLogBytesMax, segmentBytes} = PROGRAM;
  const share = shareOfNode(load) / engineThreads;
  const unflushed = rowsPerSecond * (flushAgeMs / SECOND_MS) * row.logBytes * share;
  const behind = replicas > 1 ? shards * share * groupLogBytesMax : 0;
  const kept = Math.max(unflushed, behind);
  // It goes by whole segments: the oldest is needed in part, the newest is written to.
  return Math.min(storeLogBytesMax, kept) + 2 * segmentBytes;
}

/** To other nodes: from the node that was asked to the leader, from the leader to its followers. */
function sentBytesPerSecond({rowsPerSecond, row, replicas, nodes}: Load): number {
  const hops = (nodes - 1) / nodes + replicas - 1;
  return (rowsPerSecond * row.logBytes * hops) / nodes;
}
