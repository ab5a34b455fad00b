// The meta group after the loss of its majority: from the state that is left, and what the nodes' stores
// tell beside it, the one with which its new and only replica begins. Law: its version is far above all that
// any copy can have seen, so that every copy takes it as news, also what had heard of entries that are gone;
// and no id is given out that the lost members may have given out.

import type {NodeId, ReplicaId} from '@flotilla/base';
import {
  Catalog,
  CatalogMachine,
  type CatalogUpdate,
  type MachineSnapshot,
  type NodeEvidence,
  type Rebuilt,
  rebuildCatalog,
  trialMachine,
} from '@flotilla/catalog';
import type {Snapshot} from '@flotilla/multiraft';
import {ALL_AT_ONCE} from './in-slices.ts';
import {decodeMetaState, encodeBody, HeldFile} from './meta-snapshot.ts';
import {SNAPSHOT_FILE} from './meta-state-machine.ts';

/** More entries than the lost members can have had beyond what is left: a month of 20 a second. */
const VERSION_JUMP = 1 << 26;

export interface RecoveredMeta {
  readonly replica: ReplicaId;
  readonly catalog: CatalogUpdate;
  readonly snapshot: Snapshot;
  /** What of it came from the stores of the nodes, and what nobody can know, in words. */
  readonly rebuilt: Pick<Rebuilt, 'found' | 'unknown'>;
}

/** Of a member's machine that was brought to the end of its log. */
export async function machineOf(snapshot: Snapshot): Promise<MachineSnapshot> {
  const [file] = snapshot.files;
  return (await decodeMetaState(file!, ALL_AT_ONCE)).machine;
}

/** Of a node's copy of the catalog, where no member is left, or all are behind it. It has no counters. */
export function machineOfCopy(copy: CatalogUpdate): MachineSnapshot {
  return trialMachine(Catalog.fromSnapshot(copy)).snapshot();
}

export function recoverMetaState(
  state: MachineSnapshot,
  order: {
    readonly node: NodeId;
    readonly lost: readonly NodeId[];
    /** Of the nodes that are here or have reported. */
    readonly evidence: readonly NodeEvidence[];
    /** Of the log that is left; 0 where none is. */
    readonly term: number;
    /** The highest that any copy of the catalog here has. */
    readonly version: number;
    readonly atMs: number;
  },
): RecoveredMeta {
  const {node, lost, evidence, atMs} = order;
  const rebuilt = rebuildCatalog(state, {evidence, lost, atMs});
  const machine = new CatalogMachine(rebuilt.machine);
  const index = Math.max(machine.catalog.version, order.version) + VERSION_JUMP;
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
  const held = new HeldFile();
  for (const piece of encodeBody({point, machine: recovered})) held.add(piece);
  const {found, unknown} = rebuilt;
  const snapshot = {point, files: [held.file(SNAPSHOT_FILE)], release: () => {}};
  return {replica, catalog: recovered.catalog, snapshot, rebuilt: {found, unknown}};
}
