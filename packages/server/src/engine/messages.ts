// Between the main thread (sockets) and an engine thread (groups). Plain data only: it is cloned or
// transferred. The same messages pass by plain calls when the engine runs in the main thread.

import type {MessagePort} from 'node:worker_threads';
import type {
  Channel,
  MemoryLimits,
  NodeId,
  ReplicaId,
  ReplicaSetId,
  StoreId,
  WireError,
} from '@flotilla/base';
import type {CatalogUpdate, PlanSettings} from '@flotilla/catalog';
import type {CatalogNews} from '@flotilla/meta';
import type {NodeState, RememberedRecord, TimingPreset} from '@flotilla/multiraft';
import type {AuditEntry, AuditIntent} from '../doors/audit.ts';
import type {ThreadCondition} from '../node/node-health.ts';
import type {AdminCall, HttpAnswer, SqlCall, WriteCall} from './gateway.ts';
import type {CertificateEnds} from './node-condition.ts';
import type {ReplicaNews} from './replica-notes.ts';

/** What an engine thread is told once, before anything else. */
export interface EngineOptions {
  /** From 0. Thread 0 hosts the meta group and follows the catalog for all. */
  readonly thread: number;
  readonly threads: number;
  readonly node: NodeId;
  readonly clusterId: string;
  readonly bootEpoch: number;
  readonly dataDirectory: string;
  /** host:port of HTTP, as other nodes reach it. */
  readonly address: string;
  readonly zone?: string | undefined;
  readonly timing: TimingPreset;
  readonly version: string;
  /** Stores of this thread: i mod threads = thread. */
  readonly stores: readonly StoreId[];
  /** The ThreadVitals of these stores, which the main thread reads. */
  readonly vitals: SharedArrayBuffer;
  /** What the budgets of the thread may hold. */
  readonly memory: MemoryLimits;
  /** That the thread sends to replicas that are made: its part of what the node may. */
  readonly snapshotBytesPerSecond: number;
  /** What its operator has set of repairs, moves and the trash; most of it counts where this node leads meta. */
  readonly settings: PlanSettings;
  /** Log lines for a person instead of JSON. */
  readonly isLogPlain: boolean;
  /** A write makes the database that it names and that is not there. */
  readonly autoCreateDatabase: boolean;
  /** It listens beyond loopback and was told that it may without TLS or tokens. */
  readonly isInsecure?: boolean | undefined;
  /** Instead of `series_per_replica_set_max`. */
  readonly seriesPerSetMax?: number | undefined;
  /** Instead of an hour. */
  readonly unloadAfterMs?: number | undefined;
  /** The catalog as the main thread has it when the thread starts. */
  readonly catalog: CatalogUpdate;
  /** How this start came to be; only thread 0 acts on it. */
  readonly founding?: FoundingOrder | undefined;
}

export interface FoundingOrder {
  readonly clusterId: string;
  readonly incarnation: string;
}

export type Call =
  | {readonly method: 'write'; readonly call: WriteCall}
  | {readonly method: 'sql'; readonly call: SqlCall}
  | {readonly method: 'admin'; readonly call: AdminCall}
  /** Its samples. */
  | {readonly method: 'measure'};

export type ToEngine =
  | {readonly type: 'start'; readonly options: EngineOptions; readonly background: MessagePort}
  | {
      readonly type: 'frame';
      readonly from: NodeId;
      readonly channel: Channel;
      readonly frame: Uint8Array;
    }
  | {
      readonly type: 'node';
      readonly node: NodeId;
      readonly state: NodeState;
    }
  | {readonly type: 'catalog'; readonly news: CatalogNews}
  /** What another node remembers of this node's stores; before any frame of that node. */
  | {
      readonly type: 'remembered';
      readonly node: NodeId;
      readonly records: readonly RememberedRecord[];
    }
  /** Nobody is left who may remember more of this node's stores. Once. */
  | {readonly type: 'vouched'}
  /** Another copy of the data directory was this node: what its stores acknowledged since is not known. */
  | {readonly type: 'disown'; readonly records: readonly RememberedRecord[]}
  /** A store of the node knows of a loss; sets of which other threads hold a replica. Before any order. */
  | {readonly type: 'loss'; readonly elsewhere: readonly ReplicaSetId[]}
  /** All threads have brought back what they may hold. */
  | {readonly type: 'loss-settled'}
  /** Thread 0 only: what changed of the replicas of another thread. */
  | {readonly type: 'notes'; readonly thread: number; readonly news: ReplicaNews}
  | {
      readonly type: 'call';
      readonly callId: number;
      readonly call: Call;
      /** When the main thread had the whole request, on the monotonic clock. */
      readonly receivedMs: number;
    }
  /** When the certificate of the node ends, and its authority: at the start, and when they are renewed. */
  | {readonly type: 'certificates'; readonly ends: CertificateEnds}
  | {readonly type: 'audit-begun'; readonly asked: number; readonly act: string}
  /** The reader of a streamed answer took one chunk. */
  | {readonly type: 'pull'; readonly callId: number}
  | {readonly type: 'cancel'; readonly callId: number}
  | {readonly type: 'stop'};

export type FromEngine =
  /** After a 'hosted' for each replica; `hasLoss`: a store of this thread does not know who lived in it. */
  | {readonly type: 'started'; readonly hasLoss: boolean}
  /** Thread 0 only: the catalog is current, or it is known that meta cannot be reached. */
  | {readonly type: 'fresh'; readonly isMetaLost: boolean}
  | {
      readonly type: 'send';
      readonly to: NodeId;
      readonly channel: Channel;
      readonly frame: Uint8Array;
    }
  /** This thread holds a replica of the set, a broken one too, or no longer does: frames for it come here. */
  | {readonly type: 'hosted'; readonly set: ReplicaSetId; readonly isHere: boolean}
  /** Replica ids of the set up to this one are used up, and this thread's store says so. At the start all. */
  | {readonly type: 'buried'; readonly upto: readonly (readonly [ReplicaSetId, ReplicaId])[]}
  /** Thread 0 only: what its copy of the catalog took. */
  | {readonly type: 'catalog'; readonly news: CatalogNews}
  /** Each second. */
  | {readonly type: 'condition'; readonly condition: ThreadCondition}
  /** What the node remembers shows no loss in this thread's stores. One answer to each 'remembered', or: */
  | {readonly type: 'vetted'; readonly node: NodeId}
  /** A store is an older image of itself, and says so durably now: the node has to end. */
  | {readonly type: 'old-image'}
  /** Answers 'disown', when it is durable. */
  | {readonly type: 'disowned'}
  /** Answers 'loss'. */
  | {readonly type: 'brought-back'}
  /** From threads above 0, for thread 0: what changed of their replicas; at first all. */
  | {readonly type: 'notes'; readonly news: ReplicaNews}
  | {readonly type: 'answer'; readonly callId: number; readonly answer: HttpAnswer}
  | {readonly type: 'value'; readonly callId: number; readonly value: unknown}
  | {readonly type: 'failed'; readonly callId: number; readonly error: WireError}
  /** The head of a streamed answer; chunks follow, one for each pull, then the end. */
  | {
      readonly type: 'head';
      readonly callId: number;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {readonly type: 'chunk'; readonly callId: number; readonly bytes: Uint8Array}
  | {readonly type: 'end'; readonly callId: number; readonly error?: WireError | undefined}
  /** For the audit log, which the main thread writes. */
  | {readonly type: 'audit'; readonly entry: AuditEntry}
  /** Likewise, and answered by 'audit-begun' once it is on disk. */
  | {readonly type: 'audit-begin'; readonly asked: number; readonly intent: AuditIntent}
  /** The thread cannot go on: the process ends with a named exit code. */
  | {readonly type: 'fatal'; readonly message: string}
  | {readonly type: 'stopped'};
