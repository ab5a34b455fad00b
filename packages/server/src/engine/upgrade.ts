// The cluster version as operators see it and raise it: what the cluster uses, what each node could use, and
// the order after which no node may go back. Law: it is given only where every node has just said that it can;
// who does not answer cannot.

import {DbError, type NodeId} from '@flotilla/base';
import {type Catalog, CLUSTER_VERSION} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {CatalogAccess} from './catalog-access.ts';
import type {ClusterFacts, ClusterView} from './cluster-view.ts';
import type {Reason} from './verdict.ts';

const FINALIZE = 'flotilla cluster upgrade finalize';

export interface UpgradesDeps {
  readonly access: CatalogAccess;
  readonly meta: Pick<MetaClient, 'propose'>;
  readonly view: Pick<ClusterView, 'facts'>;
}

interface NodeVersion {
  readonly node: NodeId;
  readonly address: string;
  /** Of the program. */
  readonly build: string;
  /** The newest cluster version that it can; absent where it does not answer. */
  readonly clusterVersionMax?: number | undefined;
}

export class Upgrades {
  readonly #deps: UpgradesDeps;

  constructor(deps: UpgradesDeps) {
    this.#deps = deps;
  }

  async show(): Promise<unknown> {
    const {catalog} = this.#deps.access;
    const {id, failover} = catalog.cluster!;
    const {nodes} = await this.#deps.view.facts(() => false);
    const next = upgradeNotice(catalog, nodes)?.next;
    const version = catalog.clusterVersion;
    return {id, failover, version, nodes: versionsOf(nodes), next};
  }

  /** To the newest that the node which is asked can; CONFLICT names the nodes that cannot. */
  async finalize(deadlineMs: number): Promise<unknown> {
    const {access, meta, view} = this.#deps;
    const {nodes} = await view.facts(() => false);
    const fault = finalizeFault(nodes);
    if (fault !== undefined) throw new DbError('CONFLICT', fault);
    const from = access.catalog.clusterVersion;
    const asked = nodes.map(({node}) => node.id);
    await meta.propose(
      {type: 'finalize-upgrade', version: CLUSTER_VERSION, nodes: asked},
      {deadlineMs},
    );
    await access.refresh(deadlineMs);
    return {version: access.catalog.clusterVersion, from};
  }
}

/** A node that asks to be taken in: at once it may be sent what is used here. */
export function joinFault(
  catalog: Catalog,
  clusterVersionMax: number | undefined,
): string | undefined {
  const version = catalog.clusterVersion;
  if ((clusterVersionMax ?? 1) >= version) return undefined;
  return `the cluster is at version ${version}, and this node's build supports ${clusterVersionMax ?? 1} at most: start it with a newer build`;
}

/** Some nodes can more than the cluster uses: an upgrade is under way, or was not finalized. */
export function upgradeNotice(catalog: Catalog, nodes: ClusterFacts['nodes']): Reason | undefined {
  const version = catalog.clusterVersion;
  const versions = versionsOf(nodes);
  const newest = Math.max(
    version,
    ...versions.map(({clusterVersionMax}) => clusterVersionMax ?? 1),
  );
  if (newest === version) return undefined;
  const lacking = versions.filter(({clusterVersionMax}) => (clusterVersionMax ?? 1) < newest);
  const used = `the cluster uses version ${version}; what is new with ${newest} waits`;
  if (lacking.length === 0)
    return {
      message: `${used}, and every node can it: until then any node may go back`,
      next: FINALIZE,
    };
  const ids = lacking.map(({node}) => node).join(', ');
  return {message: `${used} until node ${ids} can it too`, next: 'flotilla cluster show'};
}

function finalizeFault(nodes: ClusterFacts['nodes']): string | undefined {
  const faults = versionsOf(nodes).flatMap(({node, address, build, clusterVersionMax}) => {
    if (clusterVersionMax === undefined) return `node ${node} (${address}) does not answer`;
    if (clusterVersionMax >= CLUSTER_VERSION) return [];
    return `node ${node} (${address}) runs build ${build}, which supports ${clusterVersionMax} at most`;
  });
  if (faults.length === 0) return undefined;
  return `not every node supports cluster version ${CLUSTER_VERSION}: ${faults.join('; ')}. Start each with a newer build, or decommission it`;
}

function versionsOf(nodes: ClusterFacts['nodes']): NodeVersion[] {
  return nodes.map(({node, isReachable, condition}) => ({
    node: node.id,
    address: node.address,
    build: node.version,
    clusterVersionMax: condition?.clusterVersionMax ?? (isReachable ? 1 : undefined),
  }));
}
