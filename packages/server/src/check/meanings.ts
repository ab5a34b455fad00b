// What damage means for who runs the node, and the next command to type. What the program does by itself
// about each is in docs/operations.md, "What a check says".

import type {ReplicaId, ReplicaSetId, StoreId} from '@flotilla/base';

/** What is damaged, by what follows from it. */
export type About =
  | 'identity'
  | 'door'
  | 'memory'
  | 'audit'
  | 'log'
  | 'log end'
  | 'torn log'
  | 'manifest'
  | 'meta replica'
  | 'replica'
  | 'rows'
  | 'snapshot';

export interface Subject {
  /** The data directory. */
  readonly directory: string;
  readonly about: About;
  /** Where it is known. */
  readonly node?: number | undefined;
  readonly store?: StoreId | undefined;
  readonly set?: ReplicaSetId | undefined;
  readonly replica?: ReplicaId | undefined;
}

interface Meaning {
  readonly means: string;
  readonly next: string;
}

const COPY = 'put the whole directory back from a copy';

const MEANINGS: Readonly<Record<About, (subject: Subject) => Meaning>> = {
  identity: ({node}) => ({
    means: `the node does not start: ${COPY}, or begin anew with an empty one and take this node off the list; the cluster makes its replicas anew from the others`,
    next: node === undefined ? './flotilla node list' : `./flotilla node decommission ${node}`,
  }),
  door: (subject) => ({
    means:
      '`flotilla health` does not find the node until it was started: then the file is written anew',
    next: startOf(subject),
  }),
  memory: (subject) => ({
    means:
      'what this node remembers of the others is not used: when it starts it asks them for all of it',
    next: startOf(subject),
  }),
  audit: ({directory}) => ({
    means: 'acts of the audit log that stand there cannot be read; nothing else depends on them',
    next: `./flotilla audit --data ${directory}`,
  }),
  log: (subject) => ({
    means: `no replica of store ${subject.store} votes again under its id: the next start puts this log aside, and the cluster makes them anew from the others. A node that is alone does not start: ${COPY}`,
    next: startOf(subject),
  }),
  'log end': (subject) => ({
    means:
      'it told where the log ended at the last clean stop. The next start goes by the log alone, and the next clean stop writes it anew',
    next: startOf(subject),
  }),
  'torn log': (subject) => ({
    means:
      'the next start cuts it off. It was being written when the process was killed, and nobody was told of it; or it was damaged since, and of what it held the other nodes of the cluster know: then the replicas that lost something are made anew from them. On a node that is alone nothing can tell one from the other',
    next: startOf(subject),
  }),
  manifest: ({node, store}) => ({
    means: `which files the replicas of store ${store} have is not known any more, so the node does not start: ${COPY}, or begin anew with an empty one and take this node off the list; the cluster makes its replicas anew from the others`,
    next: node === undefined ? './flotilla node list' : `./flotilla node decommission ${node}`,
  }),
  'meta replica': ({directory}) => ({
    means:
      'the replica of the meta group here cannot be opened. The other members go on without it; where there are none, what is left of the catalog can be taken',
    next: `./flotilla recover meta --data ${directory} --dry-run`,
  }),
  replica: ({set, replica}) => ({
    means: `replica ${replica} of set ${set} cannot be opened, and the set has a copy less. Give it another one; where this is the only copy, it can begin anew, empty (recover plan)`,
    next: `./flotilla replica-set show ${set}`,
  }),
  rows: ({set, replica}) => ({
    means: `queries that need these rows fail on replica ${replica} of set ${set}, and it stops where a compaction meets them. A comparison of the set's replicas has it made anew from the others; of the only copy, save first what can still be read`,
    next: `./flotilla replica-set checksum ${set}`,
  }),
  snapshot: ({set, replica}) => ({
    means: `replica ${replica} of set ${set} cannot take over the snapshot that its log names, and is not opened. Give the set another one`,
    next: `./flotilla replica-set show ${set}`,
  }),
};

export function meaningOf(subject: Subject): Meaning {
  return MEANINGS[subject.about](subject);
}

function startOf({directory}: Subject): string {
  return `./flotilla start --data ${directory}`;
}
