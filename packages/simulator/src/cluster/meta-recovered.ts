// `recover meta` over the disks of nodes that do not run, by the product's code: with all of their directories, or
// as on machines of which one has the copy that ends last, and the others are reported to it. Those that are only
// reported come back as what they were: with their replica of the old meta group, and their copy of the old catalog.

import {type Log, META_SET} from '@flotilla/base';
import type {CatalogUpdate} from '@flotilla/catalog';
import {carryOutMetaRecovery, planMetaRecovery} from '@flotilla/server/engine-parts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';
import type {NodeState} from './node-state.ts';
import {StoppedSim} from './stopped-sim.ts';

export interface MetaRecoveryPorts {
  readonly kernel: Kernel;
  readonly random: Chance;
  readonly log: Log;
  /** What is left, by the disks of each. */
  readonly left: readonly (readonly [SimNode, NodeState])[];
  /** All that is left of the catalog: no node holds a member of its group. */
  readonly old: CatalogUpdate | undefined;
  /** All but the one that it is recovered on. */
  readonly areReported: boolean;
}

/** Gives what came from the stores, in words. */
export async function recoverMeta(ports: MetaRecoveryPorts): Promise<readonly string[]> {
  const {kernel, left, old, areReported} = ports;
  const all: StoppedSim[] = [];
  for (const [node, state] of left) {
    const stopped = await StoppedSim.open(node, state, ports);
    if (old !== undefined) await stopped.forgetMeta(old);
    all.push(stopped);
  }
  const evidence = await Promise.all(all.map((node) => node.evidence()));
  const nodes = areReported ? [mostAdvanced(all)] : all;
  const plan = await planMetaRecovery({nodes, evidence, surviving: []}, kernel.wallStartMs);
  await carryOutMetaRecovery(plan, nodes);
  for (const node of all) await node.close();
  return plan.next.rebuilt.found;
}

/** As people are told to find it by a dry run on each. */
function mostAdvanced(nodes: readonly StoppedSim[]): StoppedSim {
  const endOf = ({metaStore, cached}: StoppedSim): readonly [number, number] => {
    const member = metaStore.store.replica(META_SET);
    return member === undefined ? [0, cached.version] : [member.lastTerm, member.lastIndex];
  };
  return nodes.reduce((best, node) => {
    const [term, index] = endOf(node);
    const [bestTerm, bestIndex] = endOf(best);
    return term > bestTerm || (term === bestTerm && index > bestIndex) ? node : best;
  });
}
