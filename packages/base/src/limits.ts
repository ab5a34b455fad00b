// Every limit of the product: name, default, unit, the code a client sees past it, why this number, and the
// flag of `start` that says another.

import type {ErrorCode} from './errors.ts';

export interface Limit {
  readonly value: number;
  readonly unit: 'bytes' | 'bytes/s' | 'count' | 'ms';
  /** What a client gets past it; absent where nothing is refused (a size of a piece, a wait). */
  readonly code?: ErrorCode;
  /** `start` has a flag that says another value, within these bounds. */
  readonly flag?: LimitFlag;
  readonly why: string;
}

export interface LimitFlag {
  readonly name: `--${string}`;
  readonly min: number;
  readonly max: number;
  /** Whatever node leads meta, or is asked, goes by its own: all of a cluster are to have the same. */
  readonly isOfCluster: boolean;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const LIMITS = {
  write_body_bytes_max: {
    value: 64 * MIB,
    unit: 'bytes',
    code: 'BODY_TOO_LARGE',
    why: 'Inflated size of one write; 200,000 lines of TSBS.',
  },
  sql_bytes_max: {
    value: 1 * MIB,
    unit: 'bytes',
    code: 'BODY_TOO_LARGE',
    why: 'One SQL text; large INSERTs belong to the write route.',
  },
  line_bytes_max: {
    value: 1 * MIB,
    unit: 'bytes',
    code: 'LINE_TOO_LONG',
    why: 'One line; sixteen strings of the longest kind.',
  },
  series_key_bytes_max: {
    value: 65_535,
    unit: 'bytes',
    code: 'LINE_TOO_LONG',
    why: "Measurement, tags and one field's name, as in InfluxDB.",
  },
  name_bytes_max: {
    value: 1_024,
    unit: 'bytes',
    code: 'LINE_TOO_LONG',
    why: "A table's, tag's or field's name: each node keeps all of them; flattened JSON fits.",
  },
  database_name_chars_max: {
    value: 128,
    unit: 'count',
    code: 'INVALID_ARGUMENT',
    why: "Characters of a database's or a tenant's name: room in every list that shows one.",
  },
  idempotency_key_bytes_max: {
    value: 128,
    unit: 'bytes',
    code: 'INVALID_ARGUMENT',
    why: 'Three UUIDs with what is between them; each replica set keeps its last ones.',
  },
  string_bytes_max: {
    value: 64 * KIB,
    unit: 'bytes',
    code: 'LINE_TOO_LONG',
    why: 'One string field; as in InfluxDB 3.',
  },
  rejected_lines_listed: {
    value: 100,
    unit: 'count',
    why: 'Lines named in one answer; the rest is counted.',
  },
  share_bytes_max: {
    value: 8 * MIB,
    unit: 'bytes',
    code: 'LINE_TOO_LONG',
    why: 'One log entry; a larger share is split in line order, and a row that alone is larger refused.',
  },
  write_deadline_ms: {
    value: 4_000,
    unit: 'ms',
    code: 'OUTCOME_UNKNOWN',
    why: 'Telegraf gives up after 5 s.',
  },
  query_deadline_ms: {
    value: 30_000,
    unit: 'ms',
    code: 'DEADLINE_EXCEEDED',
    why: 'What a person waits for.',
  },
  query_timeout_ms_max: {
    value: 600_000,
    unit: 'ms',
    code: 'INVALID_ARGUMENT',
    why: 'Of `timeout_ms`: what a query holds (memory, pinned files) comes back one day.',
  },
  max_future_ms: {
    value: 86_400_000,
    unit: 'ms',
    code: 'TIME_IN_FUTURE',
    why: 'A day ahead of now covers every time zone mistake.',
  },
  tenants_max: {
    value: 1_000,
    unit: 'count',
    code: 'CONFLICT',
    why: 'Of a cluster: each node keeps all of them.',
  },
  audit_file_bytes_max: {
    value: 16 * MIB,
    unit: 'bytes',
    why: 'Some 50,000 lines: a file that an editor opens.',
  },
  audit_files_max: {
    value: 8,
    unit: 'count',
    why: 'Years of a quiet cluster; 128 MiB of a busy one.',
  },
  audit_text_chars_max: {
    value: 4_096,
    unit: 'count',
    why: 'Of one statement or its arguments: what a person wrote, not what a program made.',
  },
  tokens_max: {
    value: 100,
    unit: 'count',
    code: 'CONFLICT',
    why: 'Of a cluster, one for each person or program that administers it; each request is compared with all.',
  },
  tenant_comment_bytes_max: {
    value: 4 * KIB,
    unit: 'bytes',
    code: 'INVALID_ARGUMENT',
    why: 'Two pages of text; each node keeps those of all tenants.',
  },
  databases_max: {
    value: 10_000,
    unit: 'count',
    code: 'CONFLICT',
    why: 'Of a cluster, those that wait for their purge too: each node keeps all of them.',
  },
  trash_retention_ms: {
    value: DAY_MS,
    unit: 'ms',
    // In less nobody would notice a slip; more than ten years is as good as never.
    flag: {name: '--trash-retention', min: HOUR_MS, max: 3_650 * DAY_MS, isOfCluster: true},
    why: 'What was dropped can be had back for so long; `DROP .. AFTER` says another time. What has expired stays as long, unseen, and a longer ttl brings it back.',
  },
  new_buckets_per_request_max: {
    value: 16,
    unit: 'count',
    code: 'BUCKET_LIMIT',
    why: 'A backfill of months goes on in several requests; a wrong precision does not.',
  },
  buckets_per_database_max: {
    value: 1_000,
    unit: 'count',
    code: 'BUCKET_LIMIT',
    why: '19 years of weeks.',
  },
  tables_per_database_max: {
    value: 4_000,
    unit: 'count',
    code: 'TABLE_LIMIT',
    why: 'As in InfluxDB 3. With those that wait for their purge twice as many.',
  },
  columns_per_table_max: {
    value: 1_000,
    unit: 'count',
    code: 'COLUMN_LIMIT',
    why: 'Wider tables are series in disguise.',
  },
  series_per_replica_set_max: {
    value: 1_000_000,
    unit: 'count',
    code: 'SERIES_LIMIT',
    why: 'Of one bucket and shard: 200 MB of index on each node that has it. New ones are refused by line.',
  },
  cardinality_rows_max: {
    value: 100,
    unit: 'count',
    code: 'INVALID_ARGUMENT',
    why: 'Of each list of SHOW CARDINALITY: the worst stand first; each replica set tells of twice as many.',
  },
  replicas_max: {
    value: 7,
    unit: 'count',
    code: 'INVALID_ARGUMENT',
    why: 'Copies of a replica set; four of them must answer. More only cost.',
  },
  shards_per_bucket_max: {
    value: 64,
    unit: 'count',
    code: 'INVALID_ARGUMENT',
    why: 'More groups than threads that could serve them.',
  },
  skipped_entries_per_replica_set_max: {
    value: 100,
    unit: 'count',
    code: 'CONFLICT',
    why: 'Each is an order by hand; each node keeps those of all sets.',
  },
  admin_body_bytes_max: {
    value: 64 * KIB,
    unit: 'bytes',
    code: 'BODY_TOO_LARGE',
    why: 'One order of /admin/v1, which the main thread reads; the longest holds a comment.',
  },
  recovery_plan_bytes_max: {
    value: 16 * MIB,
    unit: 'bytes',
    code: 'BODY_TOO_LARGE',
    why: 'What a recovery of 100,000 replica sets sends back, some 80 bytes each.',
  },
  node_connections_max: {
    value: 2_048,
    unit: 'count',
    why: 'To the port between nodes: two of each of 256 nodes, twice while they dial anew, and their questions. One more ends the oldest that carries nothing, else itself.',
  },
  http_connections_max: {
    value: 4_096,
    unit: 'count',
    why: 'Of clients to a node; one more is closed at once.',
  },
  header_bytes_max: {
    value: 16 * KIB,
    unit: 'bytes',
    code: 'INVALID_ARGUMENT',
    why: 'The head of a request, as in Node.js. Status 431.',
  },
  head_ms_max: {
    value: 10_000,
    unit: 'ms',
    code: 'INVALID_ARGUMENT',
    why: 'From the first byte of a request to the end of its head. Status 408.',
  },
  request_ms_max: {
    value: 60_000,
    unit: 'ms',
    code: 'INVALID_ARGUMENT',
    why: 'From the first byte of a request to its last: 64 MiB at 9 Mbit/s. Status 408.',
  },
  bodies_in_flight_bytes_max: {
    value: 256 * MIB,
    unit: 'bytes',
    code: 'OVERLOADED',
    why: 'Four largest bodies at once, a node.',
  },
  writes_at_work_bytes_max: {
    value: 64 * MIB,
    unit: 'bytes',
    code: 'OVERLOADED',
    why: 'Bodies that a node works on at once; fewer, down to 4 MiB or eight small ones, while work takes over a second.',
  },
  write_unread_ms_max: {
    value: 1_000,
    unit: 'ms',
    code: 'OVERLOADED',
    why: 'A write waits so long with its body unread; then a quarter of its deadline is gone.',
  },
  body_pause_ms_max: {
    value: 10_000,
    unit: 'ms',
    code: 'INVALID_ARGUMENT',
    why: 'Between two pieces of a body; a slower client holds memory for nothing. Status 408.',
  },
  writes_in_flight_bytes_max: {
    value: 256 * MIB,
    unit: 'bytes',
    code: 'OVERLOADED',
    why: 'Inflated bodies and the columns made of them, an engine thread; one body alone may be more.',
  },
  proposals_in_flight_bytes_max: {
    value: 128 * MIB,
    unit: 'bytes',
    code: 'OVERLOADED',
    why: 'Proposed and not yet applied, an engine thread.',
  },
  series_caches_bytes_max: {
    value: 512 * MIB,
    unit: 'bytes',
    why: 'Series remembered from body to body, an engine thread; of the database written longest ago first forgotten.',
  },
  memtables_bytes_max: {
    value: 512 * MIB,
    unit: 'bytes',
    code: 'OVERLOADED',
    why: 'Past it the largest memtable is flushed; at 1.5 times writes are refused, a thread.',
  },
  series_indexes_bytes_max: {
    value: 16 * GIB,
    unit: 'bytes',
    code: 'SERIES_LIMIT',
    why: 'Of replicas in use, an engine thread, some 200 bytes a series and bucket; past it new ones are refused by line.',
  },
  raft_uncommitted_bytes_max: {
    value: 64 * MIB,
    unit: 'bytes',
    code: 'OVERLOADED',
    why: 'Tail of one group without a majority.',
  },
  raft_inflight_bytes_max: {
    value: 16 * MIB,
    unit: 'bytes',
    why: 'Two largest entries on the way to one follower.',
  },
  raft_inflight_messages_max: {value: 256, unit: 'count', why: 'As in TiKV.'},
  fragment_bytes_max: {
    value: 256 * KIB,
    unit: 'bytes',
    why: 'A beat waits behind one fragment at most: 0.2 s at 10 Mbit/s.',
  },
  join_answer_bytes_max: {
    value: 256 * MIB,
    unit: 'bytes',
    code: 'UNAVAILABLE',
    why: 'The catalog, as a node gets it that is taken in: some 570 bytes a replica set. Proven to be of the cluster at its end alone.',
  },
  node_queue_bytes_max: {
    value: 64 * MIB,
    unit: 'bytes',
    why: 'Frames waiting for one node on one channel.',
  },
  rpc_calls_in_flight_max: {
    value: 4_096,
    unit: 'count',
    code: 'OVERLOADED',
    why: 'Calls and streams to other nodes, a thread; also those that one thread elsewhere has here.',
  },
  rpc_bytes_in_flight_max: {
    value: 128 * MIB,
    unit: 'bytes',
    code: 'OVERLOADED',
    why: 'Requests sent and not yet answered, a thread; as much as proposals in flight.',
  },
  rpc_window_bytes: {
    value: 256 * KIB,
    unit: 'bytes',
    why: 'Sent and not yet taken by the reader, a stream; 20 ms at 100 Mbit/s.',
  },
  tombstones_per_replica_max: {
    value: 256,
    unit: 'count',
    code: 'OVERLOADED',
    why: 'Deletes not carried out in its files yet; from 64 on a replica writes parts again for their sake.',
  },
  delete_condition_bytes_max: {
    value: 16 * KIB,
    unit: 'bytes',
    code: 'QUERY_ERROR',
    why: 'The condition on tags of one DELETE, as kept until it is carried out: 4 MiB for all of a replica.',
  },
  idempotency_keys_max: {
    value: 10_000,
    unit: 'count',
    why: 'Shares that a replica set remembers by what they brought under a key.',
  },
  idempotency_names_bytes_max: {
    value: 8 * MIB,
    unit: 'bytes',
    why: 'Of memory for them: enough for all of them where bodies have one to four tables, for some 1,400 with fifty.',
  },
  select_columns_max: {
    value: 2_000,
    unit: 'count',
    code: 'QUERY_ERROR',
    why: 'Columns of one SELECT and what it groups and sorts by: all of the widest table, and as many again.',
  },
  rows_per_answer_max: {
    value: 10_000_000,
    unit: 'count',
    code: 'QUERY_ERROR',
    why: 'More is an export.',
  },
  answer_bytes_max: {
    value: 1024 * MIB,
    unit: 'bytes',
    code: 'QUERY_ERROR',
    why: 'Of an answer in its form: ten million rows of a hundred bytes.',
  },
  queries_memory_bytes_max: {
    value: 1024 * MIB,
    unit: 'bytes',
    code: 'OVERLOADED',
    why: 'The same of all queries together, an engine thread: two of the largest.',
  },
  statements_in_flight_max: {
    value: 256,
    unit: 'count',
    code: 'OVERLOADED',
    why: 'Of clients, an engine thread: four seconds of work at 60 a second.',
  },
  query_memory_bytes_max: {
    value: 512 * MIB,
    unit: 'bytes',
    code: 'QUERY_ERROR',
    why: 'Groups and sorted rows of one query on one node.',
  },
  repair_after_ms: {
    value: 600_000,
    unit: 'ms',
    // A pause of a second is no death; a month of silence is.
    flag: {name: '--repair-after', min: 1_000, max: 30 * DAY_MS, isOfCluster: true},
    why: 'A node that is silent for so long does not come back soon: its replicas are made anew elsewhere.',
  },
  moves_per_cluster_max: {
    value: 8,
    unit: 'count',
    // Without one nothing would ever be moved; a thousand copies at once are a wish for none.
    flag: {name: '--moves-per-cluster', min: 1, max: 1_000, isOfCluster: true},
    why: 'Replicas that are moved or added at once; what is begun beyond it waits for its turn.',
  },
  moves_per_node_max: {
    value: 4,
    unit: 'count',
    flag: {name: '--moves-per-node', min: 1, max: 100, isOfCluster: true},
    why: 'Of them to one node: its disk serves requests beside what it takes in.',
  },
  copy_pause_ms_max: {
    value: 60_000,
    unit: 'ms',
    why: 'Between copies to a node that loses each; from 1 s, twice as long each time. A person who mended it waits no longer.',
  },
  snapshot_bytes_per_second_max: {
    value: 64 * MIB,
    unit: 'bytes/s',
    // Slower a snapshot of some size would hardly end.
    flag: {name: '--snapshot-rate', min: 1 * MIB, max: 16 * GIB, isOfCluster: false},
    why: 'That a node sends to replicas that are made: half of a 1 Gbit/s line, 16 s for a gigabyte.',
  },
  backup_bytes_per_second_max: {
    value: 128 * MIB,
    unit: 'bytes/s',
    why: 'That a node reads for a backup, unless it says another rate: 11 TB a day; read and written on one plain SSD it is half of what that gives.',
  },
  compaction_cpu_ms_per_second_max: {
    value: 500,
    unit: 'ms',
    why: 'Of the thread that the long compactions of an engine thread have: half of a core, several times what its fastest writes need.',
  },
  compaction_bytes_per_second_max: {
    value: 64 * MIB,
    unit: 'bytes/s',
    why: 'That this thread reads and writes: several times what the fastest writes need, and half of what a slow disk gives.',
  },
  flush_failures_max: {
    value: 10,
    unit: 'count',
    code: 'REPLICA_STOPPED',
    why: 'In a row, of a flush that frees the log, for what may pass: five minutes of pauses that double; then the replica stops until an order or a restart.',
  },
  open_files_max: {
    value: 1_024,
    unit: 'count',
    why: 'Part and key files open for reading, an engine thread; past it those read longest ago are closed, but for what scans hold.',
  },
  part_merge_failures_max: {
    value: 3,
    unit: 'count',
    why: 'Each halves how many parts are merged with the part, 16 at first; then none are until an order or a restart, and for deletes it is tried as often alone.',
  },
  checksums_per_cluster_max: {
    value: 1,
    unit: 'count',
    why: 'That the cluster begins by itself: each reads all rows of a replica set on every node that has it.',
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

/** Those that a flag of `start` sets. */
export type FlaggedLimitName = {
  [Name in LimitName]: (typeof LIMITS)[Name] extends {readonly flag: LimitFlag} ? Name : never;
}[LimitName];
