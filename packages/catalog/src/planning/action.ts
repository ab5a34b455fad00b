// What the planner decides and the reconciler carries out. Every action may be carried out twice or
// too late without harm: commands are fenced by epochs and steps, orders to nodes by replica ids, and
// configuration changes by the index of the configuration that the planner saw.

import type {NodeId, OperationId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Command} from '../commands.ts';

export interface MemberChange {
  readonly type: 'voter' | 'learner' | 'remove';
  readonly id: ReplicaId;
}

export type Action =
  | {readonly type: 'propose'; readonly command: Command}
  | {
      readonly type: 'create-replica';
      readonly node: NodeId;
      readonly set: ReplicaSetId;
      readonly replica: ReplicaId;
    }
  | {
      readonly type: 'destroy-replica';
      readonly node: NodeId;
      readonly set: ReplicaSetId;
      readonly replica: ReplicaId;
    }
  | {
      readonly type: 'change-config';
      /** Where the leader is. */
      readonly node: NodeId;
      readonly set: ReplicaSetId;
      readonly changes: readonly MemberChange[];
      readonly mode: 'simple' | 'joint' | 'joint-explicit' | 'leave';
      readonly expectedConfigIndex: number;
    }
  | {
      readonly type: 'transfer-leader';
      /** Where the leader is. */
      readonly node: NodeId;
      readonly set: ReplicaSetId;
      readonly to: ReplicaId;
    }
  | {
      /** Its node reports what becomes of it. */
      readonly type: 'work-on-replica';
      readonly node: NodeId;
      readonly set: ReplicaSetId;
      /** Of a checksum: the leader, who proposes it to all. */
      readonly replica: ReplicaId;
      readonly operation: OperationId;
      readonly work: 'compact' | 'checksum';
    };

/** Two actions on one subject are never under way at once. */
export function subjectOf(action: Action): string {
  switch (action.type) {
    case 'propose':
      return commandSubject(action.command);
    case 'create-replica':
    case 'destroy-replica':
    case 'work-on-replica':
      return `replica ${action.replica}`;
    case 'change-config':
    case 'transfer-leader':
      return `set ${action.set}`;
    default:
      return action satisfies never;
  }
}

function commandSubject(command: Command): string {
  const {type} = command;
  if (type === 'set-placement' || type === 'replace-replica-set' || type === 'pin-replica-set')
    return `set ${command.set}`;
  if (command.type === 'update-operation') return `operation ${command.operation}`;
  if (command.type === 'create-operation' && command.replicaSet !== undefined) {
    return `set ${command.replicaSet}`;
  }
  if ('database' in command) return `database ${command.database}`;
  return command.type;
}
