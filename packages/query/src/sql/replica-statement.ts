// The statements about replica sets and replicas, in CnosDB's grammar: there a VNODE is a replica, and a
// replication set (REPLICA_ID, GROUP) is a replica set. Each is an order that the command line has too.

import type {TokenReader} from './admin-tokens.ts';
import type {AdminStatement, ReplicaOrder} from './ast.ts';

/** Ids are whole numbers; more digits than these none has. */
const ID = /^[1-9]\d{0,14}$/;

/** Undefined where no such statement stands next. */
export function maybeReadReplicaStatement(reader: TokenReader): AdminStatement | undefined {
  const order = maybeReadOrder(reader);
  return order && {kind: 'order', order};
}

function maybeReadOrder(reader: TokenReader): ReplicaOrder | undefined {
  if (reader.maybeWords('replica')) return readReplica(reader);
  if (reader.maybeWords('move', 'vnode')) return readVnodeTo(reader, 'move-replica');
  if (reader.maybeWords('copy', 'vnode')) return readVnodeTo(reader, 'copy-replica');
  if (reader.maybeWords('drop', 'vnode')) {
    return {type: 'remove-replica', replica: readId(reader, 'the id of a replica')};
  }
  if (reader.maybeWords('compact', 'vnode')) return readCompaction(reader);
  if (reader.maybeWords('checksum', 'group')) {
    return {type: 'checksum', set: readId(reader, 'the id of a replica set')};
  }
  return undefined;
}

/** Behind REPLICA. */
function readReplica(reader: TokenReader): ReplicaOrder {
  if (reader.maybeWords('add')) return {type: 'add-replica', ...readSetAndNode(reader)};
  if (reader.maybeWords('remove')) return {type: 'remove-replica-on', ...readSetAndNode(reader)};
  if (reader.maybeWords('promote')) return {type: 'transfer-leader', ...readSetAndNode(reader)};
  // CnosDB's own grammar has it misspelt.
  if (reader.maybeWords('destroy') || reader.maybeWords('destory')) {
    return {type: 'destroy', set: readSet(reader)};
  }
  throw reader.expected('ADD, REMOVE, PROMOTE or DESTROY');
}

function readSetAndNode(reader: TokenReader): {readonly set: number; readonly node: number} {
  const set = readSet(reader);
  reader.mustWord('node_id');
  return {set, node: readId(reader, 'the id of a node')};
}

function readSet(reader: TokenReader): number {
  reader.mustWord('replica_id');
  return readId(reader, 'the id of a replica set');
}

function readVnodeTo(reader: TokenReader, type: 'move-replica' | 'copy-replica'): ReplicaOrder {
  const replica = readId(reader, 'the id of a replica');
  reader.mustWord('to');
  reader.mustWord('node');
  return {type, replica, node: readId(reader, 'the id of a node')};
}

/** One or more, with commas between them or without. */
function readCompaction(reader: TokenReader): ReplicaOrder {
  const replicas = [readId(reader, 'the id of a replica')];
  while (reader.maybeSign(',') || reader.peek().kind === 'number') {
    replicas.push(readId(reader, 'the id of a replica'));
  }
  return {type: 'compact', replicas};
}

function readId(reader: TokenReader, what: string): number {
  const token = reader.peek();
  if (token.kind !== 'number' || !ID.test(token.text)) throw reader.expected(what);
  return Number(reader.next().text);
}
