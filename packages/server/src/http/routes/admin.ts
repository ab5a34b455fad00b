// /admin/v1: all that the command line does to a cluster. Each route checks its arguments and hands
// them over by name; engine/admin-service.ts answers.

import {DbError, type ErrorCode, LIMITS} from '@flotilla/base';
import type {FastifyPluginCallback, FastifyRequest} from 'fastify';
import {z} from 'zod';
import type {Caller} from '../../doors/admin-door.ts';
import {audited, type Doors} from '../../doors/audit.ts';
import type {AdminCall, AdminRead, EngineGateway} from '../../engine/gateway.ts';
import {jsonBody} from '../json-body.ts';
import {ADMIN_SUMMARIES} from '../openapi/admin-summaries.ts';
import {ADMIN_ERRORS, type ApiRoute, DOOR_ERRORS} from '../openapi/api-route.ts';
import {ByOperationId, DatabaseParam, Name, TenantParam} from '../params.ts';
import {parseOrThrow} from '../parse-or-throw.ts';

/** On what only reads, where the meta group could not be asked. */
export const CATALOG_HEADER = 'flotilla-catalog';

const ID_FAULT = 'not an id: ids are whole numbers from 1';
const Id = z.coerce.number({error: ID_FAULT}).int(ID_FAULT).positive(ID_FAULT);
const ById = z.object({id: Id});
const Tenant = z.strictObject({tenant: TenantParam});
const Duration = z.string().min(1);
const NodeIds = z
  .string()
  .regex(/^[1-9]\d{0,14}(,[1-9]\d{0,14})*$/, 'want the ids of nodes, with commas between them')
  .transform((text) => [...new Set(text.split(',').map(Number))]);
/** Of every change: whether it would be carried out, and what it would answer. */
const DryRun = z.enum(['true', 'false']).default('false');
const Failover = z.enum(['automatic', 'manual']);
const DatabaseBody = z.strictObject({
  name: Name.optional(),
  ttl: z.string().nullable().optional(),
  bucketDuration: z.string().optional(),
  shards: z
    .union([z.number().int(), z.literal('auto')], 'it wants a whole number or "auto"')
    .optional(),
  replicas: z.number().int().optional(),
  precision: z.enum(['ns', 'us', 'ms']).optional(),
  failover: Failover.optional(),
  maxSeries: z.number().int().nullable().optional(),
  ifNotExists: z.boolean().optional(),
});

interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly action: string;
  readonly params?: z.ZodType<object>;
  readonly query?: z.ZodObject;
  /** Not of the catalog: there is nothing to try it on. */
  readonly hasNoTrial?: true;
  readonly body?: z.ZodType<object>;
  /** Instead of `admin_body_bytes_max`. */
  readonly bodyBytesMax?: number;
  /** It reads replica sets, and may fail as a query does. */
  readonly isQuery?: true;
}

const QUERY_ERRORS: readonly ErrorCode[] = [
  'TABLE_NOT_FOUND',
  'NOT_LEADER',
  'STALE_EPOCH',
  'REPLICA_GONE',
  'REPLICA_STOPPED',
];

const ROUTES: readonly Route[] = [
  {method: 'GET', url: '/admin/v1/status', action: 'status'},
  {method: 'GET', url: '/admin/v1/cluster', action: 'cluster-show'},
  {
    method: 'PATCH',
    url: '/admin/v1/cluster',
    action: 'cluster-alter',
    body: z.strictObject({failover: Failover}),
  },
  {method: 'GET', url: '/admin/v1/cluster/catalog', action: 'cluster-catalog'},
  {
    method: 'POST',
    url: '/admin/v1/cluster/upgrade/finalize',
    action: 'cluster-upgrade-finalize',
  },
  {method: 'GET', url: '/admin/v1/automation', action: 'automation-show'},
  {
    method: 'POST',
    url: '/admin/v1/automation/pause',
    action: 'automation-pause',
    body: z.strictObject({
      what: z.enum(['repair', 'rebalance', 'all']).optional(),
      for: Duration.optional(),
    }),
  },
  {
    method: 'POST',
    url: '/admin/v1/automation/resume',
    action: 'automation-resume',
    body: z.strictObject({what: z.enum(['repair', 'rebalance', 'all']).optional()}),
  },
  {method: 'GET', url: '/admin/v1/nodes', action: 'node-list'},
  {
    method: 'GET',
    url: '/admin/v1/nodes/ok-to-stop',
    action: 'node-ok-to-stop',
    query: z.strictObject({nodes: NodeIds}),
  },
  {
    method: 'POST',
    url: '/admin/v1/nodes/:id/maintenance',
    action: 'node-maintenance',
    params: ById,
    body: z.strictObject({for: Duration.optional(), end: z.boolean().optional()}),
  },
  {
    method: 'POST',
    url: '/admin/v1/nodes/:id/evacuate-leaders',
    action: 'node-evacuate-leaders',
    params: ById,
    body: z.strictObject({for: Duration.optional()}),
  },
  {method: 'POST', url: '/admin/v1/nodes/:id/drain', action: 'node-drain', params: ById},
  {method: 'POST', url: '/admin/v1/nodes/:id/undrain', action: 'node-undrain', params: ById},
  {
    method: 'POST',
    url: '/admin/v1/nodes/:id/decommission',
    action: 'node-decommission',
    params: ById,
  },
  {method: 'POST', url: '/admin/v1/rebalance', action: 'rebalance'},
  {method: 'GET', url: '/admin/v1/tenants', action: 'tenant-list'},
  {
    method: 'POST',
    url: '/admin/v1/tenants',
    action: 'tenant-create',
    body: z.strictObject({
      name: Name,
      comment: z.string().optional(),
      ifNotExists: z.boolean().optional(),
    }),
  },
  {
    method: 'GET',
    url: '/admin/v1/tenants/:name',
    action: 'tenant-show',
    params: z.object({name: z.string()}),
  },
  {
    method: 'PATCH',
    url: '/admin/v1/tenants/:name',
    action: 'tenant-alter',
    params: z.object({name: z.string()}),
    body: z.strictObject({comment: z.string()}),
  },
  {
    method: 'DELETE',
    url: '/admin/v1/tenants/:name',
    action: 'tenant-drop',
    params: z.object({name: z.string()}),
    query: z.strictObject({after: z.string().optional()}),
  },
  {
    method: 'POST',
    url: '/admin/v1/tenants/:name/recover',
    action: 'tenant-recover',
    params: z.object({name: z.string()}),
    body: z.strictObject({as: Name.optional()}),
  },
  {method: 'GET', url: '/admin/v1/databases', action: 'database-list', query: Tenant},
  {
    method: 'POST',
    url: '/admin/v1/databases',
    action: 'database-create',
    query: Tenant,
    body: DatabaseBody.required({name: true}),
  },
  {
    method: 'GET',
    url: '/admin/v1/databases/:name',
    action: 'database-show',
    params: z.object({name: z.string()}),
    query: Tenant,
  },
  {
    method: 'PATCH',
    url: '/admin/v1/databases/:name',
    action: 'database-alter',
    params: z.object({name: z.string()}),
    query: Tenant,
    body: DatabaseBody.omit({name: true, ifNotExists: true}),
  },
  {
    method: 'DELETE',
    url: '/admin/v1/databases/:name',
    action: 'database-drop',
    params: z.object({name: z.string()}),
    query: Tenant.extend({after: z.string().optional()}),
  },
  {
    method: 'POST',
    url: '/admin/v1/databases/:name/recover',
    action: 'database-recover',
    params: z.object({name: z.string()}),
    query: Tenant,
    body: z.strictObject({as: Name.optional()}),
  },
  {
    method: 'GET',
    url: '/admin/v1/cardinality',
    action: 'cardinality-show',
    isQuery: true,
    query: Tenant.extend({
      db: DatabaseParam,
      table: z.string().min(1).optional(),
      limit: z.coerce.number('it wants a whole number').int().min(1).optional(),
    }),
  },
  {
    method: 'GET',
    url: '/admin/v1/replica-sets',
    action: 'replica-set-list',
    query: Tenant.extend({db: DatabaseParam.unwrap().optional()}),
  },
  {
    method: 'GET',
    url: '/admin/v1/replica-sets/:id',
    action: 'replica-set-show',
    params: ById,
  },
  {
    method: 'GET',
    url: '/admin/v1/replica-sets/:id/candidates',
    action: 'candidate-list',
    params: ById,
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/add-replica',
    action: 'add-replica',
    params: ById,
    body: z.strictObject({node: Id}),
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/remove-replica',
    action: 'remove-replica',
    params: ById,
    body: z.strictObject({
      replica: Id.optional(),
      node: Id.optional(),
      allowFewerVoters: z.boolean().optional(),
    }),
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/move-replica',
    action: 'move-replica',
    params: ById,
    body: z.strictObject({from: Id, to: Id}),
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/transfer-leader',
    action: 'transfer-leader',
    params: ById,
    body: z.strictObject({to: Id}),
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/compact',
    action: 'compact-replica-set',
    params: ById,
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/checksum',
    action: 'checksum-replica-set',
    params: ById,
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/destroy',
    action: 'destroy-replica-set',
    params: ById,
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/elect',
    action: 'elect-replica',
    params: ById,
    body: z.strictObject({node: Id}),
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/failover',
    action: 'failover-replica-set',
    params: ById,
    body: z.strictObject({mode: Failover}),
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/pin',
    action: 'pin-replica-set',
    params: ById,
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/unpin',
    action: 'unpin-replica-set',
    params: ById,
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/retry',
    action: 'retry-replica-set',
    params: ById,
  },
  {
    method: 'POST',
    url: '/admin/v1/replica-sets/:id/skip-entry',
    action: 'skip-entry',
    params: ById,
    body: z.strictObject({index: Id}),
  },
  {method: 'GET', url: '/admin/v1/recovery', action: 'recovery-plan'},
  {
    method: 'POST',
    url: '/admin/v1/recovery',
    action: 'recovery-apply',
    bodyBytesMax: LIMITS.recovery_plan_bytes_max.value,
    body: z.strictObject({
      cluster: z.string(),
      lost: z.array(Id),
      sets: z.array(
        z.strictObject({
          set: Id,
          epoch: z.number().int(),
          node: Id,
          replica: Id.optional(),
          lastIndex: z.number().int().min(0).optional(),
        }),
      ),
    }),
  },
  {
    method: 'GET',
    url: '/admin/v1/backups',
    action: 'backup-list',
    query: z.strictObject({directory: z.string().min(1), id: z.string().min(1).optional()}),
  },
  {
    method: 'POST',
    url: '/admin/v1/backups',
    action: 'backup-create',
    hasNoTrial: true,
    body: z.strictObject({
      directory: z.string().min(1),
      tenant: Name.optional(),
      database: Name.optional(),
      bytesPerSecond: z.number().int().min(1_000_000).optional(),
    }),
  },
  {method: 'GET', url: '/admin/v1/operations', action: 'operation-list'},
  {
    method: 'GET',
    url: '/admin/v1/operations/:id',
    action: 'operation-show',
    params: ByOperationId,
  },
  {
    method: 'POST',
    url: '/admin/v1/operations/:id/cancel',
    action: 'operation-cancel',
    params: ById,
  },
  {
    method: 'POST',
    url: '/admin/v1/operations/:id/retry',
    action: 'operation-retry',
    params: ById,
  },
  {method: 'GET', url: '/admin/v1/tokens', action: 'token-list'},
  {
    method: 'POST',
    url: '/admin/v1/tokens',
    action: 'token-create',
    body: z.strictObject({name: Name}),
  },
  {
    method: 'DELETE',
    url: '/admin/v1/tokens/:name',
    action: 'token-revoke',
    params: z.object({name: z.string()}),
  },
  {
    method: 'GET',
    url: '/admin/v1/storage',
    action: 'storage-show',
    query: Tenant.extend({db: DatabaseParam.unwrap().optional(), set: Id.optional()}),
  },
  {method: 'POST', url: '/admin/v1/storage/flush', action: 'storage-flush', hasNoTrial: true},
  {method: 'POST', url: '/admin/v1/storage/compact', action: 'storage-compact', hasNoTrial: true},
];

interface AdminRoutesDeps {
  readonly gateway: EngineGateway;
  readonly doors: Doors;
}

export const adminRoutes: FastifyPluginCallback<AdminRoutesDeps> = (
  app,
  {gateway, doors},
  done,
) => {
  for (const route of ROUTES) {
    const query = queryOf(route);
    app.route({
      method: route.method,
      url: route.url,
      bodyLimit: route.bodyBytesMax ?? LIMITS.admin_body_bytes_max.value,
      config: {api: apiOf(route, query)},
      // Before the body is taken in.
      onRequest: async (request) => void mustKnow(route, request, doors),
      handler: async (request, reply) => {
        // Once more: its token may have been revoked while the body came.
        const caller = mustKnow(route, request, doors);
        const {dry_run: dryRun, ...asked} = parseOrThrow(query, request.query);
        const call = {
          action: route.action,
          args: {...asked, ...argumentsOf(route, request)},
          ...(dryRun === 'true' && {dryRun: true}),
          by: caller.type === 'administrator' ? caller.name : undefined,
          requestId: request.id,
        };
        if (route.method !== 'GET') {
          const answer = await told(call, request, doors, () => gateway.admin(call));
          return reply.send(answer ?? {});
        }
        const answer = await gateway.admin(call);
        const {value, isOwnCopy} = answer as AdminRead;
        if (isOwnCopy) void reply.header(CATALOG_HEADER, 'own-copy');
        return reply.send(value);
      },
    });
  }
  done();
};

/** Strict, whatever the route's own is: a wish for a dry run that is misspelt must not carry the order out. */
function queryOf({method, query, hasNoTrial}: Route): z.ZodObject {
  const trial = method === 'GET' || hasNoTrial === true ? {} : {dry_run: DryRun};
  return z.strictObject({...query?.shape, ...trial});
}

type KnownCaller = Exclude<Caller, {type: 'stranger'}>;

/** Who asks; a stranger is refused. */
function mustKnow({action}: Route, request: FastifyRequest, {callerOf, audit}: Doors): KnownCaller {
  const caller = callerOf(request.headers.authorization);
  if (caller.type !== 'stranger') return caller;
  const {code, message} = caller;
  audit.add({who: 'stranger', from: request.ip, what: action, result: code, requestId: request.id});
  throw new DbError(code, message);
}

/** Of a dry run nobody is told. */
async function told(
  {action, args, by, dryRun, requestId}: AdminCall,
  {ip}: FastifyRequest,
  {audit}: Doors,
  run: () => Promise<unknown>,
): Promise<unknown> {
  if (dryRun === true) return run();
  const intent = {who: by ?? 'anyone', from: ip, what: action, how: args, requestId};
  return audited(audit, intent, run);
}

function apiOf({action, params, body: schema, isQuery}: Route, query: z.ZodObject): ApiRoute {
  return {
    id: action,
    summary: ADMIN_SUMMARIES[action] ?? action,
    params,
    query,
    body: schema && {type: 'application/json', text: 'What is wanted.', schema},
    answers: [{status: 200, text: 'What was asked for, or done.', types: ['application/json']}],
    errors: [
      ...ADMIN_ERRORS,
      ...(isQuery === true ? QUERY_ERRORS : []),
      'UNSUPPORTED_ENCODING',
      ...DOOR_ERRORS,
    ],
  };
}

function argumentsOf(route: Route, request: FastifyRequest): Record<string, unknown> {
  return {
    ...(route.body === undefined ? {} : parseOrThrow(route.body, jsonBody(request))),
    ...(route.params === undefined ? {} : parseOrThrow(route.params, request.params)),
  };
}
