// What the stores of nodes would tell of a cluster whose catalog is this one.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {CLUSTER_VERSION} from '../cluster-version.ts';
import {description, must, runner} from '../machine/catalog-machine.fixture.ts';
import {CatalogMachine} from '../machine/catalog-machine.ts';
import type {ReplicaSet} from '../model.ts';
import type {BirthSeen, NodeEvidence, ReplicaEvidence} from './evidence.ts';

export function foundedNow(nodes = 4) {
  const machine = new CatalogMachine();
  const run = runner(machine);
  const clusterVersion = CLUSTER_VERSION;
  const node = description(1);
  must(run({type: 'found-cluster', clusterId: 'c1', node, clusterVersion, atMs: 1}));
  for (let i = 2; i <= nodes; i++)
    must(run({type: 'register-node', node: description(i), atMs: 2}));
  return {machine, run};
}

export function evidenceOf(catalog: Catalog, node: NodeId): NodeEvidence {
  const replicas = [...catalog.replicaSets()].flatMap((set) =>
    set.replicas
      .filter((placed) => placed.node === node)
      .map(({replica}) => replicaEvidence(catalog, set, replica)),
  );
  const name = `directory-${node}`;
  return {cluster: 'c1', node, name, stores: 2, replicas, ended: [], faults: []};
}

function replicaEvidence(
  catalog: Catalog,
  set: ReplicaSet,
  replica: ReplicaEvidence['replica'],
): ReplicaEvidence {
  const rest = {votersOutgoing: [], learnersNext: [], autoLeave: false};
  const of = (role: string) =>
    set.replicas.filter((one) => one.role === role).map((one) => one.replica);
  const isFounder = set.founders.includes(replica);
  return {
    set: set.id,
    replica,
    lastTerm: 7,
    lastIndex: 100 * set.epoch,
    configuration: {...rest, voters: of('voter'), learners: of('learner')},
    configIndex: 10 * set.epoch,
    founding: isFounder ? {...rest, voters: [...set.founders], learners: []} : undefined,
    isDamaged: false,
    birth: birthOf(catalog, set.id),
    tables: [],
    purgedTables: [],
    deadColumns: [],
  };
}

function birthOf(catalog: Catalog, id: ReplicaSetId): BirthSeen {
  const set = catalog.replicaSet(id)!;
  const bucket = catalog.bucket(set.bucket)!;
  const database = catalog.database(set.database)!;
  const isSuccessor = set.replaces !== undefined;
  const {deadTables = [], deadColumns} = isSuccessor ? set : bucket;
  return {
    database: database.id,
    startMs: bucket.startMs,
    precision: database.options.precision,
    deadTables,
    deadColumns,
    place: {
      tenant: catalog.tenant(database.tenant)!.name,
      databaseName: database.name,
      bucket: bucket.id,
      endMs: bucket.endMs,
      shard: set.shard,
      shards: bucket.replicaSets.length,
      sets: isSuccessor ? bucket.replicaSets : undefined,
    },
  };
}
