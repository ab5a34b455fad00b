// What a starting node does: go on as the member it is, join a cluster, found one, or wait. Founding
// is the one step that cannot be repaired when taken twice, so it happens in two cases only: alone on
// loopback, or by --bootstrap after every address of the list was seen to belong to no cluster.

export interface FoundingFacts {
  /** Of the data directory; a directory that belongs to a cluster ignores both flags. */
  readonly clusterId?: string | undefined;
  /** Addresses of --join, the own one among them or not. */
  readonly join: readonly string[];
  readonly bootstrap: boolean;
  /** It listens on loopback only. */
  readonly loopback: boolean;
  readonly ownAddress: string;
  /** What was heard from each address; absent: not asked, or silent. */
  readonly answers: ReadonlyMap<string, AddressAnswer>;
}

/** Of a node that answers: the cluster it belongs to, if any. */
export interface AddressAnswer {
  /** Why it says nothing to this node. */
  readonly refusal?: string | undefined;
  readonly clusterId?: string | undefined;
}

export type FoundingDecision =
  | {readonly type: 'resume'}
  | {readonly type: 'found'}
  | {readonly type: 'join'; readonly address: string}
  /** The reason is told to the operator; the addresses are asked again. */
  | {readonly type: 'wait'; readonly reason: string};

export function decideFounding(facts: FoundingFacts): FoundingDecision {
  if (facts.clusterId !== undefined) return {type: 'resume'};
  const others = facts.join.filter((address) => address !== facts.ownAddress);
  if (others.length === 0) return decideAlone(facts);
  const refusals = others.flatMap((address) => facts.answers.get(address)?.refusal ?? []);
  const clusters = new Map<string, string>();
  for (const address of others) {
    const clusterId = facts.answers.get(address)?.clusterId;
    if (clusterId !== undefined && !clusters.has(clusterId)) clusters.set(clusterId, address);
  }
  if (clusters.size > 1) {
    const ids = [...clusters.keys()].join(', ');
    return wait(`the addresses of --join belong to different clusters: ${ids}`);
  }
  for (const address of clusters.values()) return {type: 'join', address};
  if (!facts.bootstrap) {
    return wait(
      `none of ${others.join(', ')} is known to belong to a cluster; one node needs --bootstrap`,
      refusals,
    );
  }
  const silent = others.filter((address) => !isHeard(facts.answers.get(address)));
  if (silent.length > 0) {
    return wait(`to found a cluster, ${silent.join(', ')} must answer first`, refusals);
  }
  return {type: 'found'};
}

function decideAlone(facts: FoundingFacts): FoundingDecision {
  if (facts.bootstrap) return {type: 'found'};
  if (facts.join.length > 0) return wait('--join names only this node; founding needs --bootstrap');
  if (facts.loopback) return {type: 'found'};
  return wait('beyond loopback a node needs --join, or --bootstrap to found a cluster');
}

function isHeard(answer: AddressAnswer | undefined): boolean {
  return answer !== undefined && answer.refusal === undefined;
}

function wait(reason: string, refusals: readonly string[] = []): FoundingDecision {
  return {type: 'wait', reason: [reason, ...refusals].join('; ')};
}
