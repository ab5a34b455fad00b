// What each action of /admin/v1 does, in a line.

export const ADMIN_SUMMARIES: Readonly<Record<string, string>> = {
  status: 'One verdict on the cluster, each reason with the next command to type.',
  'node-list': 'The nodes, and whether they answer.',
  'tenant-list': 'The tenants.',
  'tenant-create': 'Makes a tenant.',
  'tenant-show': 'One tenant.',
  'tenant-alter': 'Changes a tenant.',
  'tenant-drop': 'Drops a tenant.',
  'database-list': 'The databases of a tenant.',
  'database-create': 'Makes a database.',
  'database-show': 'One database with its options.',
  'database-alter': 'Changes options of a database.',
  'database-drop': 'Drops a database: hidden at once, removed a day later.',
  'node-decommission': 'Takes a node that is gone, and holds no replica any more, off the list.',
  'replica-set-list': 'The replica sets, of one database or of all.',
  'replica-set-show': 'One replica set with its replicas.',
  'add-replica': 'Begins to add a replica on a node.',
  'remove-replica': 'Begins to remove a replica.',
  'move-replica': 'Begins to move a replica from one node to another.',
  'transfer-leader': 'Lets the replica on another node lead.',
  'elect-replica':
    'Lets the replica on a node stand for election, where nobody does by himself (manual failover).',
  'pin-replica-set': 'Keeps automatic operations off a replica set.',
  'unpin-replica-set': 'Lets automatic operations at a replica set again.',
  'operation-list': 'The operations, finished ones among them.',
  'operation-show': 'One operation and its steps.',
  'operation-cancel':
    'Cancels an operation: back before its change of members, on to its end after.',
  'storage-flush': 'Writes what this node has in memory as parts.',
  'storage-compact': 'Merges the parts of each replica of this node into one.',
};
