// What each action of /admin/v1 does, in a line.

export const ADMIN_SUMMARIES: Readonly<Record<string, string>> = {
  status: 'One verdict on the cluster, each reason with the next command to type.',
  'cluster-show':
    'The cluster with its options and its version, and the version that each node could use.',
  'cluster-catalog':
    "The whole catalog as the node has it, to be kept as a file: `recover meta --catalog` takes it where every copy of the nodes' own is lost.",
  'cluster-alter': 'Changes options of the cluster.',
  'cluster-upgrade-finalize':
    'Raises the cluster version to what every node can: what is new is used, and no node may go back.',
  'automation-show': 'What the cluster does by itself: running, or paused until when.',
  'automation-pause': 'Stops what the cluster does by itself, for a while or until it is resumed.',
  'automation-resume': 'Lets the cluster repair and rebalance by itself again.',
  'node-list': 'The nodes, and whether they answer.',
  'node-ok-to-stop': 'Whether nodes can be stopped together: which sets would lose their majority.',
  'node-maintenance':
    'Takes a node into maintenance, or ends it: it leads nothing, and is not repaired while it is away.',
  'node-evacuate-leaders': 'Hands over all that a node leads, and keeps leads off it for a while.',
  'tenant-list': 'The tenants.',
  'tenant-create': 'Makes a tenant.',
  'tenant-show': 'One tenant.',
  'tenant-alter': 'Changes a tenant.',
  'tenant-drop': 'Drops a tenant that holds no database: into the trash, for a day or `after`.',
  'tenant-recover': 'Takes a dropped tenant out of the trash, under its old name or `as`.',
  'recovery-plan':
    'Which replica sets have lost their majority, what is left of each, and what may be lost.',
  'recovery-apply':
    'Declares nodes lost for ever, and lets what is left of replica sets go on as the plan says.',
  'database-list': 'The databases of a tenant.',
  'database-create': 'Makes a database.',
  'database-show': 'One database with its options.',
  'database-alter': 'Changes options of a database; says what a shorter ttl takes away.',
  'database-drop': 'Drops a database: hidden at once, removed a day later, or after `after`.',
  'database-recover':
    'Takes a dropped database with its rows out of the trash, under its old name or `as`.',
  'node-drain': 'Begins to take all replicas off a node, the lead of what it leads first.',
  'node-undrain':
    'Lets a node take replicas again; a drain or decommission under way is cancelled.',
  'node-decommission':
    'Begins to empty a node as a drain does and takes it off the list for ever; one that is gone and holds nothing, at once.',
  rebalance: 'Begins to even out leads and replicas over the nodes, or says what that would do.',
  'cardinality-show':
    'The tables of a database with most series, the tags with most values, and the values with most series.',
  'replica-set-list': 'The replica sets, of one database or of all.',
  'replica-set-show': 'One replica set with its replicas.',
  'candidate-list':
    'Which replicas of a set could lead it, asked of their nodes alone, without the meta group.',
  'add-replica': 'Begins to add a replica on a node.',
  'remove-replica': 'Begins to remove a replica.',
  'move-replica': 'Begins to move a replica from one node to another.',
  'transfer-leader': 'Lets the replica on another node lead.',
  'compact-replica-set': 'Begins to merge the parts of each replica into one, one after the other.',
  'checksum-replica-set':
    'Begins to compare the replicas at one index of their log; one that differs is made anew.',
  'destroy-replica-set':
    'Begins to destroy a replica set with its rows, for ever, and puts an empty one in its place.',
  'elect-replica':
    'Lets the replica on a node stand for election, where nobody does by himself (manual failover).',
  'failover-replica-set': 'Lets a replica set elect a leader by itself, or on order alone.',
  'pin-replica-set': 'Keeps automatic operations off a replica set.',
  'unpin-replica-set':
    'Lets automatic operations at a replica set again, with as many replicas as its database wants.',
  'retry-replica-set': 'Opens the replicas of a set anew that stopped themselves.',
  'skip-entry':
    'Lets all replicas of a set pass over an entry that none of them can apply: what it said is lost.',
  'backup-list':
    'The backups in a directory that the node sees: complete ones, and how far one is that is under way.',
  'backup-create':
    'Begins to back up the cluster, a tenant or a database into a directory that all nodes see.',
  'operation-list':
    'The operations, finished ones among them, and creations of buckets that run or took long.',
  'operation-show': 'One operation and its steps, or the creation of a bucket.',
  'operation-cancel':
    'Cancels an operation: back before its change of members, on to its end after.',
  'operation-retry': 'Begins the same anew, of an operation that failed or was cancelled.',
  'token-list': 'The admin tokens: who made them and when, never the tokens themselves.',
  'token-create': 'Makes an admin token; this answer alone shows it.',
  'token-revoke': 'Ends an admin token on all nodes; never the last one.',
  'storage-show':
    'What lies on disks and in memory: by node and by table, and of a database or a replica set by replica.',
  'storage-flush': 'Writes what this node has in memory as parts.',
  'storage-compact': 'Merges the parts of each replica of this node into one.',
};
