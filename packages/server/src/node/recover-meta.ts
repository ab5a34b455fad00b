// `recover meta`: the meta group has lost its majority for good. On nodes that are stopped, the most
// advanced copy of the catalog that is left, brought up to what the nodes' own stores tell, becomes the
// state of a new group of one, on one of them (@see meta-recovery.ts).
// Order: the new replica is durable in its store; then the other directories are told (their replicas of
// the group end, their copies of the catalog are replaced). Stopped in the middle, the same call goes on:
// what is done counts as the most advanced copy from then on.

import path from 'node:path';
import type {Clock, Log} from '@flotilla/base';
import {Catalog, type NodeEvidence} from '@flotilla/catalog';
import {AuditFiles, NodeClock, type NodeDirectory} from '../adapters/index.ts';
import {AuditTrail, audited} from '../doors/audit.ts';
import {readCatalogFile} from './catalog-cache.ts';
import {readEvidence} from './evidence-file.ts';
import {
  carryOutMetaRecovery,
  type GivenCatalog,
  type MetaCopy,
  planMetaRecovery,
} from './meta-recovery.ts';
import {StoppedNode} from './stopped-node.ts';

export interface MetaRecoveryOptions {
  /** Data directories of stopped nodes of one cluster. */
  readonly directories: readonly string[];
  /** Files of `recover report`, of nodes that live and whose directories are not here. */
  readonly reports: readonly string[];
  /** Nodes that live, and of which there is neither a directory nor a report. */
  readonly surviving: readonly number[];
  /** An exported catalog, or the cached one of a node. */
  readonly catalog?: string | undefined;
  /** Only what would be done. */
  readonly isDryRun: boolean;
  readonly log: Log;
}

export interface MetaRecovery {
  readonly cluster: string;
  /** The most advanced first. */
  readonly copies: readonly MetaCopy[];
  readonly chosen: MetaCopy;
  /** Whose store holds the new group. */
  readonly node: number;
  /** Members of the group that are neither here nor named as living: they are let in no more. */
  readonly lost: readonly number[];
  /** Newer than the chosen copy, taken from the stores of the nodes, in words. */
  readonly found: readonly string[];
  /** Newer than it, and known to nobody here, in words. */
  readonly unknown: readonly string[];
  readonly isDone: boolean;
}

/** Throws DirectoryLockedError for a node that runs. */
export async function recoverMeta(options: MetaRecoveryOptions): Promise<MetaRecovery> {
  const {directories, surviving, log} = options;
  const clock = new NodeClock();
  const nodes: StoppedNode[] = [];
  try {
    for (const directory of new Set(directories.map((each) => path.resolve(each))))
      nodes.push(await StoppedNode.open(directory, clock, log));
    const evidence = await Promise.all(options.reports.map(readEvidence));
    for (const node of nodes) evidence.push(await node.evidence());
    const file = await readGiven(options.catalog);
    checkCluster(nodes, evidence, file);
    const plan = await planMetaRecovery({nodes, evidence, file, surviving}, clock.wallMs());
    const {copies, chosen, from, lost} = plan;
    const {cluster, node} = from;
    const recovery = {cluster, copies, chosen, node, lost, ...plan.next.rebuilt};
    if (options.isDryRun) return {...recovery, isDone: false};
    const {directory} = nodes.find(({path: place}) => place === from.path)!;
    const how = {lost, chosen, ...plan.next.rebuilt};
    await withAudit(directory, how, {clock, log}, () => carryOutMetaRecovery(plan, nodes));
    return {...recovery, isDone: true};
  } finally {
    for (const node of nodes) await node.close();
  }
}

/** What the stores of a stopped node tell, for a recovery on another machine. */
export async function reportStopped(directory: string, log: Log): Promise<NodeEvidence> {
  const node = await StoppedNode.open(path.resolve(directory), new NodeClock(), log);
  try {
    return await node.evidence();
  } finally {
    await node.close();
  }
}

async function withAudit(
  {path: place, life}: NodeDirectory,
  how: Readonly<Record<string, unknown>>,
  {clock, log}: {readonly clock: Clock; readonly log: Log},
  run: () => Promise<void>,
): Promise<void> {
  const files = new AuditFiles(place, log);
  const trail = new AuditTrail(files, {clock, log, life});
  try {
    await audited(trail, {who: 'the command line', what: 'recover-meta', how}, run);
  } finally {
    await files.close();
  }
}

async function readGiven(file: string | undefined): Promise<GivenCatalog | undefined> {
  if (file === undefined) return undefined;
  try {
    return {file, update: await readCatalogFile(file)};
  } catch (error) {
    throw new Error(`${file} is no catalog: ${(error as Error).message}`);
  }
}

function checkCluster(
  nodes: readonly StoppedNode[],
  evidence: readonly NodeEvidence[],
  file: GivenCatalog | undefined,
): void {
  const [first] = nodes;
  if (first === undefined) throw new Error('name the data directories of the nodes that are left');
  const reports = evidence.slice(0, evidence.length - nodes.length);
  const named = new Map<number, string>();
  const all = [...nodes, ...reports.map((one) => ({...one, path: `the report of ${one.node}`}))];
  for (const {node, cluster, path: what} of all) {
    if (cluster !== first.cluster)
      throw new Error(`${what} is of cluster ${cluster}, not of ${first.cluster}`);
    const other = named.get(node);
    if (other !== undefined) throw new Error(`${other} and ${what} are both of node ${node}`);
    named.set(node, what);
  }
  const given = file && Catalog.fromSnapshot(file.update).cluster?.id;
  if (file !== undefined && given !== first.cluster)
    throw new Error(`${file.file} is of cluster ${given}, not of ${first.cluster}`);
}
