import {
  type DatabaseId,
  DbError,
  type NodeId,
  type OperationId,
  type ReplicaSetId,
  type Rpc,
} from '@flotilla/base';
import {
  CatalogMachine,
  type Command,
  EXPIRED_RETURNS_SINCE,
  MAX_SERIES_SINCE,
  type Node,
} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {FragmentReader, WriteRouter} from '@flotilla/router';
import {beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {AdminService} from './admin-service.ts';
import type {ClusterView} from './cluster-view.ts';
import type {AdminRead} from './gateway.ts';

/** What meta holds; the node's copy is brought to it by a refresh alone. */
let meta: CatalogMachine;
let copy: CatalogMachine;
let behind: [Command, number][];
let index: number;
let refreshFailure: DbError | undefined;
/** By what the nodes report to the meta leader. */
let forbidden: DbError | undefined;
let reachable: NodeId[];
let unfenced: ReplicaSetId[];
let service: AdminService;

beforeEach(() => {
  meta = new CatalogMachine();
  copy = new CatalogMachine();
  behind = [];
  refreshFailure = undefined;
  forbidden = undefined;
  const clock = new NodeClock();
  index = 5;
  const propose = async (command: Command): Promise<unknown> => {
    behind.push([command, ++index]);
    const {result} = meta.apply(command, index);
    if (!result.ok) throw new DbError(result.error.code, result.error.message);
    return result.value;
  };
  const refresh = async (): Promise<void> => {
    if (refreshFailure !== undefined) throw refreshFailure;
    for (const [command, at] of behind.splice(0)) copy.apply(command, at);
  };
  reachable = [1, 2] as NodeId[];
  unfenced = [];
  const facts = async () => ({
    sets: [],
    nodes: [...copy.catalog.nodes()]
      .filter(({state}) => state !== 'decommissioned')
      .map((node) => ({node, isReachable: reachable.includes(node.id)})),
    meta: {leader: 1 as NodeId, replicas: []},
  });
  service = new AdminService({
    access: {catalog: copy.catalog, refresh},
    meta: {propose} as unknown as MetaClient,
    plans: {
      rebalanceView: async () => ({leads: [], replicas: [], nodes: []}),
      mayBegin: async () => {
        if (forbidden !== undefined) throw forbidden;
      },
    },
    view: {
      facts,
      received: async () => new Map(),
      work: async () => new Map(),
      replicaSets: async () => [],
    } as unknown as ClusterView,
    reader: {} as unknown as FragmentReader,
    slices: {due: () => undefined},
    rpc: {} as Rpc,
    clock,
    router: {awaitFences: async () => unfenced} as unknown as WriteRouter,
  });
  const node = {incarnation: 'n', address: ':1', engineThreads: 1, version: '1'};
  void propose({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  const second = {...node, incarnation: 'm', address: ':2'};
  void propose({type: 'register-node', node: second, atMs: 0});
  void propose({type: 'create-database', tenant: 'default', name: 'd', options: {}});
});

function read(action: string, args = {}): Promise<AdminRead> {
  return service.run({action, args: {tenant: 'default', ...args}}) as Promise<AdminRead>;
}

test('what was made through another node is listed', async () => {
  expect(await read('database-list')).toMatchObject({
    value: [{name: 'public'}, {name: 'd'}],
    isOwnCopy: false,
  });
  expect(await read('status')).toMatchObject({value: {catalog: {isCurrent: true}}});
});

test.each(['META_UNAVAILABLE', 'DEADLINE_EXCEEDED'] as const)(
  'with %s the own copy is shown, and marked',
  async (code) => {
    await read('database-list');
    refreshFailure = new DbError(code, 'no answer');
    await service.run({action: 'database-list', args: {tenant: 'default'}});
    expect(await read('database-list')).toMatchObject({value: [{}, {}], isOwnCopy: true});
    expect(await read('database-show', {name: 'd'})).toMatchObject({isOwnCopy: true});
    expect(await read('status')).toMatchObject({
      value: {verdict: 'healthy', catalog: {isCurrent: false}},
      isOwnCopy: true,
    });
  },
);

test('a database without rows has no series, and one that is not there is named', async () => {
  await read('database-list');
  expect((await read('cardinality-show', {db: 'd'})).value).toMatchObject({
    database: 'd',
    series: 0,
    tables: [],
  });
  await expect(read('cardinality-show', {db: 'e'})).rejects.toMatchObject({
    code: 'DATABASE_NOT_FOUND',
  });
});

test('a change never goes by the own copy', async () => {
  refreshFailure = new DbError('META_UNAVAILABLE', 'no answer');
  const change = service.run({action: 'move-replica', args: {id: 1, from: 1, to: 2}});
  await expect(change).rejects.toMatchObject({code: 'META_UNAVAILABLE'});
});

test('a database is dropped when no set takes writes to it; sets that have not said so are named', async () => {
  const drop = async () => {
    const answer = await service.run({
      action: 'database-drop',
      args: {tenant: 'default', name: 'd'},
    });
    await service.run({action: 'database-create', args: {tenant: 'default', name: 'd'}});
    return answer;
  };
  expect(await drop()).toEqual({dropped: 'd', recoverableUntil: expect.any(String)});
  unfenced = [7 as ReplicaSetId];
  expect(await drop()).toMatchObject({dropped: 'd', unconfirmed: [7]});
});

test('the cluster fails over by hand when told, and says so', async () => {
  expect((await read('cluster-show')).value).toMatchObject({id: 'c', failover: 'automatic'});
  const altered = await service.run({action: 'cluster-alter', args: {failover: 'manual'}});
  expect(altered).toEqual({id: 'c', failover: 'manual'});
  expect((await read('cluster-show')).value).toMatchObject({failover: 'manual'});
});

test('a node that is gone and holds nothing is off the list at once', async () => {
  const order = (id: number) => service.run({action: 'node-decommission', args: {id}});
  await expect(order(9)).rejects.toMatchObject({code: 'NOT_FOUND', message: 'no node 9'});
  reachable = [1 as NodeId];
  expect(await order(2)).toMatchObject({id: 2, state: 'decommissioned'});
  expect((await read('node-list')).value).toMatchObject([{id: 1}]);
  expect(await order(2), 'again').toMatchObject({state: 'decommissioned'});
  expect((await read('operation-list')).value).toEqual([]);
});

test('one that answers, or holds something, is emptied first by an operation', async () => {
  const order = (id: number, more = {}) =>
    service.run({action: 'node-decommission', args: {id}, by: 'ann', ...more});
  const begun = {kind: 'decommission-node', state: 'running', startedBy: 'ann'};
  expect(await order(2, {dryRun: true})).toMatchObject({dryRun: true, operation: begun});
  expect((await read('operation-list')).value).toEqual([]);
  expect(await order(2)).toMatchObject({operation: {...begun, sourceNode: 2}});
  for (const action of ['node-decommission', 'node-drain'])
    await expect(service.run({action, args: {id: 2}})).rejects.toMatchObject({
      code: 'CONFLICT',
      message:
        'operation 1 (decommission-node) is running there: wait for its end (flotilla operation watch 1), or cancel it (flotilla operation cancel 1)',
    });
  await service.run({action: 'node-undrain', args: {id: 2}});
  await expect(order(2)).rejects.toMatchObject({
    code: 'CONFLICT',
    message:
      'operation 1 (decommission-node) is being cancelled there: wait for its end (flotilla operation watch 1)',
  });
  expect((await read('operation-list')).value).toMatchObject([{state: 'cancelling'}]);
  reachable = [2 as NodeId];
  expect(await order(1), 'it holds the meta group').toMatchObject({operation: begun});
});

test('a node is drained where its replicas have a place to go, and undrained at any time', async () => {
  const order = (action: string, id: number) => service.run({action: `node-${action}`, args: {id}});
  await expect(order('drain', 9)).rejects.toMatchObject({code: 'NOT_FOUND', message: 'no node 9'});
  const begun = (await order('drain', 2)) as {operation: {kind: string; state: string}};
  expect(begun.operation).toMatchObject({kind: 'drain-node', state: 'running'});
  await expect(order('drain', 2)).rejects.toThrow(/operation 1 \(drain-node\) is running there/);
  await order('undrain', 2);
  const cancelled = {state: 'cancelling', cancelledBy: 'operator'};
  expect((await read('operation-list')).value).toMatchObject([cancelled]);
  await service.run({action: 'operation-show', args: {id: 1}});
  const drained = {type: 'set-node-state', node: 1 as NodeId, state: 'draining'} as const;
  behind.push([drained, ++index]);
  meta.apply(drained, index);
  expect(await order('undrain', 1)).toMatchObject({id: 1, state: 'active'});
});

test('a dry run says what an order would answer, or why it is refused, and nothing is done', async () => {
  const tried = (action: string, args: object = {}) =>
    service.run({action, args: {tenant: 'default', ...args}, dryRun: true});
  expect(await tried('database-create', {name: 'e'})).toMatchObject({dryRun: true, name: 'e'});
  await expect(tried('database-create', {name: 'd'})).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  expect(await tried('database-drop', {name: 'd'})).toMatchObject({dryRun: true, dropped: 'd'});
  expect(await tried('node-drain', {id: 2})).toMatchObject({
    dryRun: true,
    operation: {kind: 'drain-node', state: 'running'},
  });
  const databases = (await read('database-list')).value;
  expect(databases).toMatchObject([{name: 'public'}, {name: 'd'}]);
  expect((await read('operation-list')).value).toEqual([]);
});

test('a dry run of an operation is refused what only the meta leader knows to forbid', async () => {
  forbidden = new DbError('NO_PLACE', 'node 1 has no room');
  const drained = service.run({action: 'node-drain', args: {id: 2}, dryRun: true});
  await expect(drained).rejects.toMatchObject({code: 'NO_PLACE', message: 'node 1 has no room'});
  const made = service.run({action: 'tenant-create', args: {name: 'acme'}, dryRun: true});
  expect(await made, 'no operation').toMatchObject({dryRun: true, name: 'acme'});
});

test('what is paused and which nodes are in maintenance is shown, and no fault', async () => {
  const order = (action: string, args: object) =>
    service.run({action, args: args as Record<string, unknown>});
  expect(await order('automation-pause', {what: 'repair', for: '2h'})).toMatchObject({
    repair: {state: 'paused', until: expect.any(String)},
    rebalance: {state: 'running'},
  });
  await order('automation-pause', {});
  await order('automation-resume', {what: 'repair'});
  expect((await read('automation-show')).value).toMatchObject({
    repair: {state: 'running'},
    rebalance: {state: 'paused'},
  });
  expect(await order('node-maintenance', {id: 2})).toMatchObject({maintenance: {scope: 'all'}});
  await order('node-evacuate-leaders', {id: 2, for: '10m'});
  const status = (await read('status')).value as {verdict: string; notices: {message: string}[]};
  expect(status.verdict).toBe('healthy');
  expect(status.notices.map(({message}) => message)).toEqual([
    'rebalance is paused until it is resumed',
    expect.stringMatching(
      /^node 2 is in maintenance until .*: it leads nothing and is not repaired$/,
    ),
  ]);
  await order('node-maintenance', {id: 2, end: true});
  await order('automation-resume', {});
  expect((await read('status')).value).toMatchObject({notices: []});
  expect(await order('node-evacuate-leaders', {id: 2})).toMatchObject({
    maintenance: {scope: 'leaders'},
  });
  // A date that is none would keep every later status from being told.
  for (const [action, args] of [
    ['automation-pause', {for: '100000000d'}],
    ['node-maintenance', {id: 2, for: '100000000d'}],
  ] as const)
    await expect(order(action, args)).rejects.toThrow('for: no date is so far away');
  expect((await read('status')).value).toMatchObject({verdict: 'healthy'});
  await expect(order('node-maintenance', {id: 9})).rejects.toThrow('no node 9');
  await expect(order('node-maintenance', {id: 2, for: 'a while'})).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

test('of a maintenance and an evacuation neither cuts the other short unsaid', async () => {
  const order = (action: string, args: object) =>
    service.run({action: `node-${action}`, args: {id: 2, ...args}});
  await order('maintenance', {for: '10m'});
  await expect(order('evacuate-leaders', {for: '5h'})).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringMatching(
      /^node 2 is in maintenance, which ends sooner, .*Z: make that longer \(flotilla node maint/,
    ),
  });
  expect(await order('evacuate-leaders', {})).toMatchObject({maintenance: {scope: 'all'}});
  await order('maintenance', {end: true});
  const {maintenance} = (await order('evacuate-leaders', {for: '5h'})) as Node;
  await expect(order('maintenance', {})).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringMatching(/^node 2 is to lead nothing until .*Z, and that would end with/),
  });
  expect((await read('node-list')).value).toMatchObject([{id: 1}, {maintenance}]);
  expect(await order('maintenance', {for: '6h'})).toMatchObject({maintenance: {scope: 'all'}});
});

test('what is dropped comes back from the trash, and says which sets do not show it yet', async () => {
  const change = (action: string, args = {}) =>
    service.run({action, args: {tenant: 'default', name: 'd', ...args}});
  await change('database-drop');
  expect(await change('database-recover')).toEqual({recovered: 'd'});
  unfenced = [7 as ReplicaSetId];
  await change('database-drop', {after: '7d'});
  expect(await change('database-recover', {as: 'e'})).toEqual({recovered: 'e', unconfirmed: [7]});
  await expect(change('database-recover')).rejects.toMatchObject({code: 'DATABASE_NOT_FOUND'});
  const never = change('database-drop', {name: 'e', after: '999999999w'});
  await expect(never).rejects.toMatchObject({code: 'INVALID_ARGUMENT'});

  await change('tenant-create', {name: 'acme'});
  await change('tenant-drop', {name: 'acme'});
  expect((await read('tenant-list')).value).toMatchObject([{name: 'default'}]);
  expect(await change('tenant-recover', {name: 'acme', as: 'b'})).toEqual({recovered: 'b'});
  expect((await read('tenant-show', {name: 'b'})).value).toMatchObject({name: 'b'});
});

test('an operation says whose token ordered it, also when it is only tried', async () => {
  const by = 'ann';
  const tried = await service.run({action: 'node-drain', args: {id: 2}, by, dryRun: true});
  expect(tried).toMatchObject({operation: {startedBy: 'ann'}});
  await service.run({action: 'node-drain', args: {id: 2}, by});
  expect((await read('operation-list')).value).toMatchObject([{startedBy: 'ann'}]);
  await service.run({action: 'rebalance', args: {}});
  expect((await read('operation-show', {id: 2})).value).toMatchObject({startedBy: 'operator'});
});

test('a token is not named as what the cluster does by itself', async () => {
  for (const name of ['reconciler', 'operation 3', 'operator', 'rebalance']) {
    const made = service.run({action: 'token-create', args: {name}});
    await expect(made, name).rejects.toMatchObject({code: 'INVALID_ARGUMENT'});
  }
  expect(await service.run({action: 'token-create', args: {name: 'operations'}})).toMatchObject({
    name: 'operations',
  });
});

test('the list of nodes says which is in maintenance, silent or being emptied', async () => {
  await service.run({action: 'node-maintenance', args: {id: 1}});
  reachable = [1 as NodeId];
  const {value} = await read('node-list');
  expect(value).toMatchObject([
    {id: 1, condition: expect.stringMatching(/^maintenance until .*Z$/)},
    {id: 2, condition: 'does not answer'},
  ]);
  reachable = [1, 2] as NodeId[];
  await service.run({action: 'node-maintenance', args: {id: 1, end: true}});
  const after = (await read('node-list')).value as {condition?: string}[];
  expect(after.map(({condition}) => condition)).toEqual([undefined, undefined]);
});

test('an operation that was cancelled is tried again as another one', async () => {
  const retry = (id: number) => service.run({action: 'operation-retry', args: {id}});
  await service.run({action: 'node-drain', args: {id: 2}});
  await expect(retry(1)).rejects.toThrow('operation 1 is running: only one that failed or was');
  const cancelled = await service.run({action: 'operation-cancel', args: {id: 1}, by: 'ann'});
  expect(cancelled).toMatchObject({operation: {state: 'cancelling', cancelledBy: 'ann'}});
  const ended = {
    type: 'update-operation',
    operation: 1 as OperationId,
    state: 'cancelled',
  } as const;
  const command = {...ended, expectedStep: 'evacuate', atMs: 1};
  behind.push([command, ++index]);
  meta.apply(command, index);
  expect(await retry(1)).toMatchObject({
    operation: {id: 2, kind: 'drain-node', state: 'running', sourceNode: 2, retryOf: 1},
  });
  await expect(retry(9)).rejects.toMatchObject({code: 'NOT_FOUND'});
});

test('what is tried again pins no replica set that nobody placed by hand', async () => {
  const at = {type: 'ensure-bucket', database: 1 as DatabaseId, timeMs: 0, startMs: 0, endMs: 1};
  const bucket = {...at, placements: [[{node: 1 as NodeId, role: 'voter'}]]} as Command;
  behind.push([bucket, ++index]);
  meta.apply(bucket, index);
  await service.run({action: 'database-list', args: {tenant: 'default'}});
  await service.run({action: 'checksum-replica-set', args: {id: 1}});
  const ended = {type: 'update-operation', operation: 1 as OperationId, state: 'failed'} as const;
  const command = {...ended, expectedStep: 'hash', atMs: 1};
  behind.push([command, ++index]);
  meta.apply(command, index);
  await service.run({action: 'operation-retry', args: {id: 1}});
  expect(meta.catalog.operation(2 as OperationId)).toMatchObject({kind: 'checksum', retryOf: 1});
  expect(meta.catalog.replicaSet(1 as ReplicaSetId)!.pinned).toBeUndefined();
});

test('a destruction is not tried again but ordered anew, with its own question', async () => {
  const at = {type: 'ensure-bucket', database: 1 as DatabaseId, timeMs: 0, startMs: 0, endMs: 1};
  const bucket = {...at, placements: [[{node: 1 as NodeId, role: 'voter'}]]} as Command;
  const ended = {type: 'update-operation', operation: 1 as OperationId} as const;
  const opened = {type: 'open-replica-sets', sets: [1 as ReplicaSetId]} as const;
  for (const command of [bucket, opened]) {
    behind.push([command, ++index]);
    meta.apply(command, index);
  }
  await service.run({action: 'database-list', args: {tenant: 'default'}});
  await service.run({action: 'destroy-replica-set', args: {id: 1}});
  const cancelled = {...ended, expectedStep: 'replace', state: 'cancelled', atMs: 1} as const;
  behind.push([cancelled, ++index]);
  meta.apply(cancelled, index);
  const again = service.run({action: 'operation-retry', args: {id: 1}});
  await expect(again).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('flotilla replica-set destroy 1 --yes'),
  });
  expect([...meta.catalog.unfinishedOperations()]).toEqual([]);
});

test('a drain or decommission with nowhere to go is refused with what is missing', async () => {
  const node = (id: number, role: 'voter' | 'learner') => ({node: id as NodeId, role});
  const bucket = {
    ...{type: 'ensure-bucket' as const, database: 1 as DatabaseId, timeMs: 0, startMs: 0, endMs: 1},
    placements: [[node(1, 'voter'), node(2, 'learner')]],
  } as const;
  behind.push([bucket, ++index]);
  meta.apply(bucket, index);
  await service.run({
    action: 'database-alter',
    args: {tenant: 'default', name: 'public', replicas: 2},
  });
  for (const action of ['node-drain', 'node-decommission'])
    await expect(service.run({action, args: {id: 2}})).rejects.toMatchObject({
      code: 'NO_PLACE',
      message: expect.stringContaining(
        'replica set 1 on it has no other node to go to; add 1 node',
      ),
    });
});

test('an alteration says what a shorter ttl takes away, a dry run before', async () => {
  const placements = [[{node: 1 as NodeId, role: 'voter'}]];
  const at = {database: 1 as DatabaseId, timeMs: 0, startMs: 0, endMs: 3_600_000};
  const bucket = {type: 'ensure-bucket', ...at, placements} as Command;
  behind.push([bucket, ++index]);
  meta.apply(bucket, index);
  const alter = (change: object, dryRun = false) => {
    const args = {tenant: 'default', name: 'public', ...change};
    return service.run({action: 'database-alter', args, dryRun});
  };
  const expires = {before: expect.stringMatching(/Z$/), buckets: 1, cutBuckets: 0};
  expect(await alter({ttl: '30d'}, true)).toMatchObject({dryRun: true, ttl: '30d', expires});
  expect((await read('database-show', {name: 'public'})).value).toMatchObject({ttl: null});
  expect(await alter({ttl: '30d'})).toMatchObject({ttl: '30d', expires});
  for (const change of [{ttl: '30d'}, {ttl: '60d'}, {ttl: null}, {replicas: 1}])
    expect(await alter(change), JSON.stringify(change)).toMatchObject({expires: undefined});
});

test('max_series waits for its cluster version, a dry run too; then it is set, shown and taken away', async () => {
  const alter = (maxSeries: number | null, dryRun = false) => {
    const args = {tenant: 'default', name: 'public', maxSeries};
    return service.run({action: 'database-alter', args, dryRun});
  };
  const early = {code: 'CONFLICT', message: expect.stringMatching(/max_series needs .* finalize/)};
  await expect(alter(5, true)).rejects.toMatchObject(early);
  const nodes = [...meta.catalog.nodes()].map(({id}) => id);
  const finalize: Command = {type: 'finalize-upgrade', version: MAX_SERIES_SINCE, nodes};
  behind.push([finalize, ++index]);
  meta.apply(finalize, index);
  const shown = async () => (await read('database-show', {name: 'public'})).value;
  expect(await alter(5, true)).toMatchObject({dryRun: true, maxSeries: 5});
  expect(await shown()).toMatchObject({maxSeries: null});
  expect(await alter(5)).toMatchObject({maxSeries: 5});
  expect(await shown()).toMatchObject({maxSeries: 5});
  expect(await alter(null)).toMatchObject({maxSeries: null});
});

test('an alteration says what a longer ttl brings back, a dry run before', async () => {
  const change = (command: Command) => {
    behind.push([command, ++index]);
    meta.apply(command, index);
  };
  const placements = [[{node: 1 as NodeId, role: 'voter' as const}]];
  const at = {database: 1 as DatabaseId, timeMs: 0, startMs: 0, endMs: 3_600_000};
  change({type: 'ensure-bucket', ...at, placements});
  const hide = (): void =>
    change({type: 'raise-expired-before', database: at.database, expiredBeforeMs: 1e7, atMs: 1});
  hide();
  const alter = (dryRun = false) =>
    service.run({
      action: 'database-alter',
      args: {tenant: 'default', name: 'public', ttl: null},
      dryRun,
    });
  // Below the cluster version that it needs nothing is promised.
  expect(await alter(true)).toMatchObject({dryRun: true, returns: undefined});
  const nodes = [...meta.catalog.nodes()].map(({id}) => id);
  change({type: 'finalize-upgrade', version: EXPIRED_RETURNS_SINCE, nodes});
  const returns = {buckets: 1, cutBuckets: 0, goneBefore: '1970-01-01T00:00:00.000Z'};
  expect(await alter(true)).toMatchObject({dryRun: true, returns});
  expect(meta.catalog.database(at.database)?.expiredBeforeMs).toBe(1e7);
  expect(await alter()).toMatchObject({returns});
  expect(meta.catalog.database(at.database)?.expiredBeforeMs).toBe(0);
});

test('a rebalance is begun, and tried by the plan of the meta leader', async () => {
  const dry = await service.run({action: 'rebalance', args: {}, dryRun: true});
  expect(dry).toEqual({dryRun: true, leads: [], replicas: [], nodes: []});
  expect((await read('operation-list')).value).toEqual([]);
  const begun = await service.run({action: 'rebalance', args: {}});
  expect(begun).toMatchObject({operation: {kind: 'rebalance', state: 'running'}});
});
