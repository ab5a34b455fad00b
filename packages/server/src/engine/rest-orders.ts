// Pauses of what the cluster does by itself, and nodes in maintenance, as orders. Each says when it ends, so
// that nobody has to remember it.

import {type Clock, DbError, type NodeId} from '@flotilla/base';
import {
  type AutomationKind,
  type Catalog,
  type Command,
  type Maintenance,
  maintenanceOf,
  type Node,
  pausesOf,
} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {CatalogAccess} from './catalog-access.ts';
import type {ClusterView} from './cluster-view.ts';
import {endOf, parseDuration} from './durations.ts';
import {okToStop, type StopAnswer} from './ok-to-stop.ts';

const KINDS: readonly AutomationKind[] = ['repair', 'rebalance'];
/** Long enough to exchange a part, short enough to be forgotten without harm. */
const MAINTENANCE_DEFAULT = '30m';
/** A restart. */
const EVACUATION_DEFAULT = '10m';

type Args = Readonly<Record<string, unknown>>;
type SetMaintenance = Extract<Command, {type: 'set-maintenance'}>;
type Now = Pick<Clock, 'wallMs'>;

export interface RestOrdersDeps {
  readonly access: CatalogAccess;
  readonly meta: Pick<MetaClient, 'propose'>;
  readonly view: Pick<ClusterView, 'facts'>;
  readonly clock: Now;
}

/** Arguments are checked by the routes; the catalog's copy is up to date. */
export class RestOrders {
  readonly #deps: RestOrdersDeps;

  constructor(deps: RestOrdersDeps) {
    this.#deps = deps;
  }

  async setAutomation(args: Args, paused: boolean, deadlineMs: number): Promise<unknown> {
    const {clock, access} = this.#deps;
    await this.#propose(automationCommand(args, paused, clock), deadlineMs);
    return describeAutomation(access.catalog, clock.wallMs());
  }

  async maintain(args: Args, scope: Maintenance['scope'], deadlineMs: number): Promise<Node> {
    const {clock} = this.#deps;
    const node = this.#node(args['id'] as NodeId);
    const command = maintenanceCommand(node.id, args, {scope, clock});
    const fault = restFault(node, command.maintenance, {args, nowMs: command.atMs!});
    if (fault !== undefined) throw new DbError('CONFLICT', fault);
    // The narrower wish is part of the wider one, and must not end it.
    const isPart = scope === 'leaders' && maintenanceOf(node, clock.wallMs())?.scope === 'all';
    if (isPart) return node;
    await this.#propose(command, deadlineMs);
    return this.#node(node.id);
  }

  async okToStop(args: Args): Promise<StopAnswer> {
    const nodes = args['nodes'] as readonly NodeId[];
    for (const id of nodes) this.#node(id);
    return okToStop(await this.#deps.view.facts(), nodes);
  }

  #node(id: NodeId): Node {
    const node = this.#deps.access.catalog.node(id);
    if (node === undefined) throw new DbError('NOT_FOUND', `no node ${id}`);
    return node;
  }

  async #propose(command: Command, deadlineMs: number): Promise<void> {
    await this.#deps.meta.propose(command, {deadlineMs});
    await this.#deps.access.refresh(deadlineMs);
  }
}

function automationCommand(args: Args, paused: boolean, clock: Now): Command {
  const what = (args['what'] ?? 'all') as AutomationKind | 'all';
  const atMs = Math.floor(clock.wallMs());
  const duration = args['for'] as string | undefined;
  const untilMs =
    duration === undefined ? undefined : endOf(atMs, parseDuration(duration, 'for'), 'for');
  const kinds = what === 'all' ? KINDS : [what];
  return {type: 'set-automation', kinds, paused, untilMs, atMs};
}

/** One that ends now stays on record: the node's silence counts from here. */
function maintenanceCommand(
  node: NodeId,
  args: Args,
  {scope, clock}: {readonly scope: Maintenance['scope']; readonly clock: Now},
): SetMaintenance {
  const usual = scope === 'all' ? MAINTENANCE_DEFAULT : EVACUATION_DEFAULT;
  const duration = (args['for'] as string | undefined) ?? usual;
  const forMs = args['end'] === true ? 0 : parseDuration(duration, 'for');
  const atMs = Math.floor(clock.wallMs());
  const untilMs = endOf(atMs, forMs, 'for');
  return {type: 'set-maintenance', node, maintenance: {untilMs, scope}, atMs};
}

/**
 * One record holds a maintenance or an evacuation: why the one that is ordered cannot last as long as was asked,
 * or what was ordered before would end with it. A duration that nobody named is no wish.
 */
function restFault(
  node: Node,
  {scope, untilMs}: Maintenance,
  {args, nowMs}: {readonly args: Args; readonly nowMs: number},
): string | undefined {
  const present = maintenanceOf(node, nowMs);
  if (present === undefined || present.scope === scope || args['end'] === true) return undefined;
  const until = timeText(present.untilMs);
  const {id} = node;
  if (scope === 'leaders') {
    if (args['for'] === undefined || untilMs <= present.untilMs) return undefined;
    return `node ${id} is in maintenance, which ends sooner, ${until}: make that longer (flotilla node maintenance ${id} --for ..)`;
  }
  if (untilMs >= present.untilMs) return undefined;
  return `node ${id} is to lead nothing until ${until}, and that would end with its maintenance: ask for one as long, or end that first (flotilla node maintenance ${id} --end)`;
}

/** Of each kind, whether it runs, and since when and until when it does not. */
export function describeAutomation({cluster}: Catalog, nowMs: number): Record<string, unknown> {
  const pauses = pausesOf(cluster, nowMs);
  return Object.fromEntries(
    KINDS.map((kind) => {
      const pause = pauses.find((each) => each.kind === kind);
      if (pause === undefined) return [kind, {state: 'running'}];
      const {sinceMs, untilMs} = pause;
      const until = untilMs === undefined ? undefined : timeText(untilMs);
      return [kind, {state: 'paused', since: timeText(sinceMs), until}];
    }),
  );
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
