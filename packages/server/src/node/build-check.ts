// A build that is older than what its cluster uses must not run: it would meet entries that it does not know,
// and stop group after group. It learns of it from its copy of the catalog, at its start or soon after.

import {type Catalog, CLUSTER_VERSION} from '@flotilla/catalog';

export function buildFault({clusterVersion}: Catalog): string | undefined {
  if (clusterVersion <= CLUSTER_VERSION) return undefined;
  return `the cluster is at version ${clusterVersion}, and this build supports ${CLUSTER_VERSION} at most: start the node with the newer build again; an upgrade that was finalized is not taken back`;
}
