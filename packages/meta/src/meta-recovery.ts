// The meta group after the loss of its majority: from the state that is left, the one with which its new
// and only replica begins. Law: its version is far above all that any copy can have seen, so that every
// copy takes it as news, also what had heard of entries that are gone.

import type {NodeId, ReplicaId} from '@flotilla/base';
import {
  Catalog,
  CatalogMachine,
  type CatalogUpdate,
  type MachineSnapshot,
  trialMachine,
} from '@flotilla/catalog';
import type {Snapshot} from '@flotilla/multiraft';
import {decodeMetaState, encodeMetaState} from './meta-snapshot.ts';
import {SNAPSHOT_FILE} from './meta-state-machine.ts';

/** More entries than the lost members can have had beyond what is left: a day of 10 a second. */
const VERSION_JUMP = 1 << 20;
/** Ids that the lost members can have given out since: a copy of the catalog knows of no counters. */
const IDS_SKIPPED = 1 << 20;

export interface RecoveredMeta {
  readonly replica: ReplicaId;
  readonly catalog: CatalogUpdate;
  readonly snapshot: Snapshot;
}

/** Of a member's machine that was brought to the end of its log. */
export async function machineOf(snapshot: Snapshot): Promise<MachineSnapshot> {
  const [file] = snapshot.files;
  return decodeMetaState(await file!.read(0, file!.bytes), file!.name).machine;
}

/** Of a node's copy of the catalog, where no member is left, or all are behind it. */
export function machineOfCopy(copy: CatalogUpdate): MachineSnapshot {
  const {counters, catalog} = trialMachine(Catalog.fromSnapshot(copy)).snapshot();
  const raised = Object.entries(counters).map(([kind, next]) => [kind, next + IDS_SKIPPED]);
  return {counters: Object.fromEntries(raised) as typeof counters, catalog};
}

export function recoverMetaState(
  state: MachineSnapshot,
  order: {
    readonly node: NodeId;
    readonly lost: readonly NodeId[];
    /** Of the log that is left; 0 where none is. */
    readonly term: number;
    readonly atMs: number;
  },
): RecoveredMeta {
  const {node, lost, atMs} = order;
  const machine = new CatalogMachine(state);
  const index = machine.catalog.version + VERSION_JUMP;
  const {result} = machine.apply({type: 'recover-meta', node, lost, atMs}, index);
  if (!result.ok) throw new Error(result.error.message);
  const {replica} = result.value;
  const term = order.term + 1;
  const configuration = {
    voters: [replica],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  const point = {index, term, configuration};
  const recovered = machine.snapshot();
  const bytes = encodeMetaState({point, machine: recovered});
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const files = [{name: SNAPSHOT_FILE, bytes: bytes.length, read}];
  return {replica, catalog: recovered.catalog, snapshot: {point, files, release: () => {}}};
}
