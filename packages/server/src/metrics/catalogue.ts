// Every metric of a node: name, type, what it says, and what bounds the values of its labels. Names end
// with their base unit (of a maximum with _max behind it), counters with _total (prometheus.io/docs/practices/naming). No label names a
// replica set, a series or a table: those are as many as the users make. Of databases a bounded number is told by name.

import {ERRORS} from '@flotilla/base';
import {ELECTION_CAUSES} from '@flotilla/multiraft';
import {CLUSTER_FLAGS} from '../engine/cluster-flags.ts';

export interface LabelValues {
  /** For people. */
  readonly text: string;
  has(value: string): boolean;
}

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: Readonly<Record<string, LabelValues>>;
}

function oneOf(...values: readonly string[]): LabelValues {
  return {
    text: values.map((value) => `\`${value}\``).join(', '),
    has: (value) => values.includes(value),
  };
}

const THREAD: LabelValues = {
  text: '`main`, and the number of each engine thread',
  has: (value) => value === 'main' || /^\d{1,3}$/.test(value),
};
const CODE: LabelValues = {
  text: '`OK`, or a [code](http.md#codes)',
  has: (value) => value === 'OK' || Object.hasOwn(ERRORS, value),
};
const ERROR: LabelValues = {
  text: 'a [code](http.md#codes)',
  has: (value) => Object.hasOwn(ERRORS, value),
};
const ROUTE: LabelValues = {
  text: 'the pattern of a route, or `none`',
  has: (value) => value === 'none' || /^\/[\w./:-]{0,100}$/.test(value),
};
const METHOD: LabelValues = {
  text: 'the method of a known route, or `other`',
  has: (value) => /^[A-Z]{3,7}$|^other$/.test(value),
};
const STATUS: LabelValues = {
  text: 'the status of the answer',
  has: (value) => /^[1-5]\d\d$/.test(value),
};
const VERSION: LabelValues = {text: 'a version', has: (value) => /^[\w.+-]{1,64}$/.test(value)};
/** No control characters: the catalog takes no such names. */
const NAME: LabelValues = {
  text: 'a name; `/others` stands for all databases beyond the first 100',
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  has: (value) => /^[^\u0000-\u001f\u007f]{1,255}$/.test(value),
};
const SET_STATE = oneOf('led', 'no_leader', 'awaits_order', 'lacks_replica');
const MESSAGE = oneOf(
  'append',
  'appendReply',
  'vote',
  'voteReply',
  'preVote',
  'preVoteReply',
  'heartbeat',
  'heartbeatReply',
  'snapshot',
  'timeoutNow',
  'readIndex',
  'readIndexReply',
);
const BUDGET = {
  budget: oneOf(
    ...['bodies', 'writes', 'series_caches', 'proposals', 'memtables', 'indexes'],
    ...['queries', 'calls', 'node_queue'],
  ),
  thread: THREAD,
};

export const METRICS = {
  flotilla_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels say what runs.',
    labels: {version: VERSION, node_version: VERSION},
  },
  flotilla_ready: {type: 'gauge', help: '1 while /ready answers 200.'},
  flotilla_cluster_flag: {
    type: 'gauge',
    help:
      'What this node goes by of the flags of `start` that are to be the same on all nodes of a cluster: ' +
      'seconds, or a count.',
    labels: {flag: oneOf(...CLUSTER_FLAGS)},
  },
  flotilla_engine_thread_up: {
    type: 'gauge',
    help: '1 if the thread answered this scrape in time; else its numbers are those of the last time.',
    labels: {thread: THREAD},
  },

  flotilla_http_connections: {type: 'gauge', help: 'Open connections of HTTP clients.'},
  flotilla_http_requests_total: {
    type: 'counter',
    help: 'Requests that were answered.',
    labels: {method: METHOD, route: ROUTE, status: STATUS},
  },
  flotilla_errors_total: {
    type: 'counter',
    help: 'Requests that failed, by code: what the answer says, or ended with after its first rows.',
    labels: {code: ERROR},
  },

  flotilla_write_bodies_total: {
    type: 'counter',
    help: 'Bodies of writes by what became of them; one of several replica sets counts by its answer.',
    labels: {outcome: oneOf('written', 'rejected', 'refused', 'unknown', 'failed')},
  },
  flotilla_write_rows_total: {
    type: 'counter',
    help: 'Rows of writes and INSERTs by what became of them.',
    labels: {outcome: oneOf('written', 'rejected', 'refused', 'unknown')},
  },
  flotilla_write_wire_bytes_total: {type: 'counter', help: 'Bytes of bodies as they came.'},
  flotilla_write_inflated_bytes_total: {type: 'counter', help: 'Bytes of bodies when inflated.'},
  flotilla_write_duration_seconds: {
    type: 'histogram',
    help: 'A write in its engine thread, from the whole body to the answer.',
  },
  flotilla_write_stage_duration_seconds: {
    type: 'histogram',
    help:
      'Parts of a write: wait (for its turn in the thread), parse (inflate too), resolve (names and ' +
      'places of rows, with what meta makes first), commit (of a share at its leader: propose until ' +
      'apply begins), apply (of an entry at each replica).',
    labels: {stage: oneOf('wait', 'parse', 'resolve', 'commit', 'apply')},
  },

  flotilla_statements_total: {
    type: 'counter',
    help: 'SQL statements that came to their end, by code.',
    labels: {code: CODE},
  },
  flotilla_statement_duration_seconds: {
    type: 'histogram',
    help: 'A statement in its engine thread, to the last byte that its reader took.',
  },
  flotilla_statement_first_byte_seconds: {
    type: 'histogram',
    help: 'A statement until its first byte is ready.',
  },
  flotilla_query_stage_duration_seconds: {
    type: 'histogram',
    help:
      'Parts of a SELECT: plan, catalog (the meta group confirms the version that was planned with), ' +
      'read_index (of a replica set: a majority confirms, and the replica has applied), scan (of a ' +
      'replica set, at the replica), merge (and formatting, once all sets had begun to answer).',
    labels: {stage: oneOf('plan', 'catalog', 'read_index', 'scan', 'merge')},
  },

  flotilla_work_slice_seconds: {
    type: 'histogram',
    help:
      'Slices of long work in engine threads, one between two turns of an event loop: query (scan and ' +
      'merge), flush, compaction (short ones, checksums, small files of backups: long compactions and large ' +
      'files have threads of their own). Their sum is what of the threads each took.',
    labels: {work: oneOf('query', 'flush', 'compaction')},
  },
  flotilla_work_wait_seconds: {
    type: 'histogram',
    help: 'What long work in engine threads waited for a slice.',
    labels: {work: oneOf('query', 'flush', 'compaction')},
  },

  flotilla_replica_sets: {
    type: 'gauge',
    help:
      'Replica sets of the whole cluster, told by the node that leads the meta group alone: led, no_leader, ' +
      'awaits_order (without a leader, and one is elected by hand), and, of all these, lacks_replica (a ' +
      'replica is missing, stopped, or on a node that does not answer).',
    labels: {state: SET_STATE},
  },
  flotilla_database_replica_sets: {
    type: 'gauge',
    help: 'The same by database; told by the node that leads the meta group alone.',
    labels: {tenant: NAME, database: NAME, state: SET_STATE},
  },
  flotilla_database_disk_bytes: {
    type: 'gauge',
    help: 'Part files of all replicas of a database; told by the node that leads the meta group alone.',
    labels: {tenant: NAME, database: NAME},
  },
  flotilla_database_lag_entries_max: {
    type: 'gauge',
    help:
      'How far the replica of a database that has applied least is behind its leader, of those that ' +
      'answer; by their reports, which are up to some seconds old. Told by the node that leads the meta group alone.',
    labels: {tenant: NAME, database: NAME},
  },
  flotilla_clock_trusted: {
    type: 'gauge',
    help:
      '1 while the clocks of the nodes agree well enough for rows to expire; told by the node that leads ' +
      'the meta group alone.',
  },
  flotilla_nodes: {
    type: 'gauge',
    help:
      'Nodes that were not decommissioned, told by the node that leads the meta group alone: live or ' +
      'silent, and, of all these, in maintenance, and leaving (draining or drained).',
    labels: {state: oneOf('live', 'silent', 'maintenance', 'leaving')},
  },
  flotilla_operations: {
    type: 'gauge',
    help:
      'Operations, told by the node that leads the meta group alone: running, waiting (for long, or ' +
      'without a place to go), and failed ones that are still on record.',
    labels: {state: oneOf('running', 'waiting', 'failed')},
  },
  flotilla_automation_paused: {
    type: 'gauge',
    help: '1 while people have paused it; told by the node that leads the meta group alone.',
    labels: {what: oneOf('repair', 'rebalance')},
  },
  flotilla_repair_halted: {
    type: 'gauge',
    help:
      '1 while more than a third of the nodes do not answer, so that nothing is made anew for them; ' +
      'told by the node that leads the meta group alone.',
  },
  flotilla_raft_groups: {
    type: 'gauge',
    help: 'Replicas of this node by their role; stopped ones stand still after a fault.',
    labels: {role: oneOf('leader', 'follower', 'preCandidate', 'candidate', 'stopped')},
  },
  flotilla_raft_groups_awake: {type: 'gauge', help: 'Replicas that tick; the others sleep.'},
  flotilla_raft_groups_wedged: {
    type: 'gauge',
    help: 'Replicas that take part in consensus and have applied nothing for 5 s, though asked.',
  },
  flotilla_raft_elections_started_total: {
    type: 'counter',
    help:
      'Elections that replicas of this node started, by what made them stand. timer: the leader fell ' +
      'silent, and nothing said why; transferred: the leader gave its place away.',
    labels: {cause: oneOf(...ELECTION_CAUSES)},
  },
  flotilla_raft_leader_changes_total: {
    type: 'counter',
    help: 'Terms of which a replica of this node came to know a leader.',
  },
  flotilla_raft_proposals_dropped_total: {
    type: 'counter',
    help: 'Proposals that the groups refused or lost.',
  },
  flotilla_raft_propose_duration_seconds: {
    type: 'histogram',
    help:
      'What a leader here was asked to propose, until it was applied here: write (a share of one), control ' +
      '(deletes, drops and recoveries of tables, checksums), meta (commands of the meta group), members ' +
      '(changes of them, of all groups).',
    labels: {kind: oneOf('write', 'control', 'meta', 'members')},
  },
  flotilla_raft_messages_sent_total: {
    type: 'counter',
    help: 'Messages between replicas.',
    labels: {kind: MESSAGE},
  },
  flotilla_raft_messages_received_total: {
    type: 'counter',
    help: 'Messages between replicas.',
    labels: {kind: MESSAGE},
  },
  flotilla_raft_snapshots_sent_total: {
    type: 'counter',
    help: 'Snapshots that a follower has whole.',
  },
  flotilla_raft_snapshots_received_total: {type: 'counter', help: 'Snapshots that were installed.'},
  flotilla_raft_malformed_items_total: {
    type: 'counter',
    help: 'What other nodes sent and this one could not read.',
  },
  flotilla_raft_gone_items_total: {
    type: 'counter',
    help: 'Messages for replicas that are not here.',
  },

  flotilla_log_batches_total: {type: 'counter', help: 'Records written and synced to the logs.'},
  flotilla_log_written_bytes_total: {type: 'counter', help: 'Bytes written to the logs.'},
  flotilla_log_sync_duration_seconds: {type: 'histogram', help: 'One durable write of a log.'},
  flotilla_log_write_age_seconds: {
    type: 'gauge',
    help: 'How long the oldest write waits that its disk has not taken; 0 where none waits.',
  },
  flotilla_log_queued_appends: {type: 'gauge', help: 'Appends that wait for the next batch.'},
  flotilla_log_bytes: {type: 'gauge', help: 'Bytes of the logs on disk.'},
  flotilla_log_segments: {type: 'gauge', help: 'Segment files of the logs.'},

  flotilla_storage_replicas: {
    type: 'gauge',
    help:
      'Replicas by what is in memory of their series: all of it, or nothing, as nobody has used them for an ' +
      'hour, or since the start.',
    labels: {state: oneOf('loaded', 'unloaded')},
  },
  flotilla_storage_load_duration_seconds: {
    type: 'histogram',
    help:
      'Readings of the series of an unloaded replica, with the wait for those before: so much longer the ' +
      'first write or query takes.',
  },
  flotilla_storage_memtable_bytes: {type: 'gauge', help: 'Rows that are in memory only.'},
  flotilla_storage_index_bytes: {type: 'gauge', help: 'Series indexes in memory.'},
  flotilla_storage_series: {type: 'gauge', help: 'Series of all replicas of this node.'},
  flotilla_storage_parts: {type: 'gauge', help: 'Part files.'},
  flotilla_storage_parts_left_out: {
    type: 'gauge',
    help: 'Of them, those that no compaction takes any more, since their merges failed (part_merge_failures_max).',
  },
  flotilla_storage_part_bytes: {type: 'gauge', help: 'Bytes of the part files.'},
  flotilla_storage_scanned_blocks_total: {
    type: 'counter',
    help:
      'Blocks of parts that queries read, by how: statistics (what stands beside the values was enough) or rows ' +
      '(they were decoded).',
    labels: {by: oneOf('statistics', 'rows')},
  },
  flotilla_storage_flushes_total: {type: 'counter', help: 'Memtables written as parts.'},
  flotilla_storage_flushed_bytes_total: {
    type: 'counter',
    help: 'Bytes of parts written by flushes.',
  },
  flotilla_storage_compactions_total: {
    type: 'counter',
    help: 'Parts merged into one, so many times.',
  },
  flotilla_storage_compacted_bytes_total: {
    type: 'counter',
    help: 'Bytes of parts written by compactions.',
  },
  flotilla_compaction_merges_total: {
    type: 'counter',
    help: 'Compactions carried out in threads of their own; short ones take slices of an engine thread.',
  },
  flotilla_compaction_cpu_seconds_total: {
    type: 'counter',
    help: 'CPU that they used there, counted as each ends.',
  },
  flotilla_compaction_rest_seconds_total: {
    type: 'counter',
    help: 'That they stood still for compaction_cpu_ms_per_second_max and compaction_bytes_per_second_max.',
  },
  flotilla_compaction_read_bytes_total: {
    type: 'counter',
    help: 'That they read; what they wrote is flotilla_storage_compacted_bytes_total.',
  },
  flotilla_compaction_thread_deaths_total: {
    type: 'counter',
    help: 'Threads of compactions that ended without being asked; what they did was begun anew.',
  },
  flotilla_disk_free_bytes: {type: 'gauge', help: 'Free space where the data directory is.'},
  flotilla_disk_size_bytes: {type: 'gauge', help: 'Size of the disk where the data directory is.'},

  flotilla_budget_used_bytes: {
    type: 'gauge',
    help:
      'Of a byte budget, see limits.md; what does not fit is refused, or forgotten by series_caches, or ' +
      'dropped by node_queue, which is the fullest of all queues to other nodes.',
    labels: BUDGET,
  },
  flotilla_budget_limit_bytes: {
    type: 'gauge',
    help: 'The byte budget itself.',
    labels: BUDGET,
  },

  flotilla_node_connections: {
    type: 'gauge',
    help: 'Other nodes by whether this one is connected with them.',
    labels: {state: oneOf('connected', 'disconnected')},
  },
  flotilla_node_send_queue_bytes: {
    type: 'gauge',
    help: 'Frames that wait for other nodes.',
    labels: {channel: oneOf('control', 'bulk')},
  },
  flotilla_node_frames_dropped_total: {
    type: 'counter',
    help: 'Frames for other nodes for which there was no connection or no room.',
  },
  flotilla_node_clock_offset_seconds_max: {
    type: 'gauge',
    help: 'By how much the clock of another node differs from that of this one, at most.',
  },
  flotilla_tls_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'When the certificate of this node ends, since the epoch; absent without TLS.',
  },
  flotilla_tls_authority_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'When the authority of that certificate ends, since the epoch; absent without TLS.',
  },
  flotilla_rpc_calls_total: {
    type: 'counter',
    help: 'Calls to other nodes, and to this one, that came to their end.',
    labels: {code: CODE},
  },
  flotilla_rpc_calls_in_flight: {type: 'gauge', help: 'Calls that are not answered yet.'},
  flotilla_rpc_malformed_frames_total: {
    type: 'counter',
    help: 'Frames of calls that this node could not read.',
  },

  flotilla_backups_total: {
    type: 'counter',
    help: 'Backups that this node coordinated, by how they ended.',
    labels: {outcome: oneOf('done', 'failed')},
  },
  flotilla_backup_last_success_timestamp_seconds: {
    type: 'gauge',
    help:
      'When the last complete backup that this node coordinated ended, since the epoch; 0 until there is one ' +
      'since it started. The last of a cluster is the maximum over its nodes and over time: ' +
      '`max(max_over_time(flotilla_backup_last_success_timestamp_seconds[7d]))`.',
  },

  flotilla_event_loop_delay_seconds: {
    type: 'histogram',
    help: 'By how much a timer of the thread was late.',
    labels: {thread: THREAD},
  },
  flotilla_gc_pause_seconds: {
    type: 'histogram',
    help: 'Garbage collections of the thread.',
    labels: {thread: THREAD},
  },
  flotilla_heap_used_bytes: {
    type: 'gauge',
    help: 'Heap of the thread in use.',
    labels: {thread: THREAD},
  },

  process_cpu_user_seconds_total: {type: 'counter', help: 'User CPU time of the process.'},
  process_cpu_system_seconds_total: {type: 'counter', help: 'System CPU time of the process.'},
  process_cpu_seconds_total: {type: 'counter', help: 'User and system CPU time of the process.'},
  process_resident_memory_bytes: {type: 'gauge', help: 'Resident memory of the process.'},
  process_start_time_seconds: {type: 'gauge', help: 'When the process began, since the epoch.'},
  process_open_fds: {type: 'gauge', help: 'Open file descriptors.'},
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;
