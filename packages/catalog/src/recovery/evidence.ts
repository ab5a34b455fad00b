// What the stores of a stopped node say of its replicas, beside any catalog: the log of each knows its
// configuration, its record in the manifest the bucket it belongs to and the tables it has rows of. Plain
// JSON: it is read on the machine of the node, and may be carried to another as a file.

import type {
  BucketId,
  ColumnId,
  DatabaseId,
  NodeId,
  ReplicaId,
  ReplicaSetId,
  TableId,
} from '@flotilla/base';
import type {Precision} from '../model.ts';
import type {GroupConfiguration} from '../planning/reports.ts';

interface DeadColumnsSeen {
  readonly table: TableId;
  readonly columns: readonly ColumnId[];
}

/** The bucket and shard of a set, with the names they had when the replica was made. */
export interface PlaceSeen {
  readonly tenant: string;
  readonly databaseName: string;
  readonly bucket: BucketId;
  readonly endMs: number;
  readonly shard: number;
  /** Of the bucket; the sets of its shards are numbered one after the other, but for those that replace others. */
  readonly shards: number;
  /** By shard, of a set that replaces another: which the bucket had when it was made. */
  readonly sets?: readonly ReplicaSetId[] | undefined;
}

/** What the replica was told when it was made. */
export interface BirthSeen {
  readonly database: DatabaseId;
  readonly startMs: number;
  readonly precision: Precision;
  readonly deadTables: readonly TableId[];
  readonly deadColumns?: readonly DeadColumnsSeen[] | undefined;
  /** Absent where an older build made it. */
  readonly place?: PlaceSeen | undefined;
}

export interface ReplicaEvidence {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly lastTerm: number;
  readonly lastIndex: number;
  /** The last one in its log, committed or not, and the index of its entry. Absent where nothing tells. */
  readonly configuration?: GroupConfiguration | undefined;
  readonly configIndex: number;
  /** With which its group began, if it has been there since. */
  readonly founding?: GroupConfiguration | undefined;
  /** It lost what it had acknowledged. */
  readonly isDamaged: boolean;
  readonly birth?: BirthSeen | undefined;
  /** Of its parts. */
  readonly tables: readonly {readonly table: TableId; readonly rowCount: number}[];
  readonly purgedTables: readonly TableId[];
  readonly deadColumns: readonly DeadColumnsSeen[];
}

export interface NodeEvidence {
  readonly cluster: string;
  readonly node: NodeId;
  /** Of its data directory. */
  readonly name: string;
  /** host:port of HTTP, if it has ever listened. */
  readonly address?: string | undefined;
  readonly stores: number;
  readonly replicas: readonly ReplicaEvidence[];
  /** Of each set the highest replica that was destroyed here. */
  readonly ended: readonly {readonly set: ReplicaSetId; readonly replica: ReplicaId}[];
  /** What of it cannot be read, in words. */
  readonly faults: readonly string[];
}

export function membersOf({
  voters,
  votersOutgoing,
  learners,
  learnersNext,
}: GroupConfiguration): ReplicaId[] {
  const all = new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext]);
  return [...all].sort((a, b) => a - b) as ReplicaId[];
}
