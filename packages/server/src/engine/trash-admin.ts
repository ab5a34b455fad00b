// Databases and tenants into the trash and out of it again, for /admin/v1.

import type {Clock} from '@flotilla/base';
import type {Command, CommandValue} from '@flotilla/catalog';
import {confirmDrop, type DropFenceDeps, type Dropped, dropTimes} from './drop-fences.ts';
import {endOf, parseDuration} from './durations.ts';

export interface TrashAdminDeps extends DropFenceDeps {
  readonly clock: Clock;
  /** The own copy has what it did when it resolves. */
  readonly propose: <C extends Command>(command: C, deadlineMs: number) => Promise<CommandValue<C>>;
  /** Instead of `trash_retention_ms`. */
  readonly trashRetentionMs?: number | undefined;
}

type Args = Readonly<Record<string, unknown>>;

export class TrashAdmin {
  readonly #deps: TrashAdminDeps;

  constructor(deps: TrashAdminDeps) {
    this.#deps = deps;
  }

  async dropDatabase(args: Args, deadlineMs: number): Promise<unknown> {
    const {tenant, name} = named(args);
    const times = this.#times(args);
    const command = {type: 'drop-database' as const, tenant, name, ...times};
    const {database} = await this.#deps.propose(command, deadlineMs);
    const unconfirmed = database && (await this.#open({database}, deadlineMs));
    return {dropped: name, recoverableUntil: dateOf(times.purgeAtMs), ...unconfirmed};
  }

  /** Its rows are there when it answers, but those of the sets that it names. */
  async recoverDatabase(args: Args, deadlineMs: number): Promise<unknown> {
    const {tenant, name} = named(args);
    const as = args['as'] as string | undefined;
    const command = {type: 'recover-database' as const, tenant, name, as};
    const {database} = await this.#deps.propose(command, deadlineMs);
    const unconfirmed = await this.#open({database, isRecovered: true}, deadlineMs);
    return {recovered: as ?? name, ...unconfirmed};
  }

  async dropTenant(args: Args, deadlineMs: number): Promise<unknown> {
    const {name} = named(args);
    const times = this.#times(args);
    await this.#deps.propose({type: 'drop-tenant', name, ...times}, deadlineMs);
    return {dropped: name, recoverableUntil: dateOf(times.purgeAtMs)};
  }

  async recoverTenant(args: Args, deadlineMs: number): Promise<unknown> {
    const {name} = named(args);
    const as = args['as'] as string | undefined;
    await this.#deps.propose({type: 'recover-tenant', name, as}, deadlineMs);
    return {recovered: as ?? name};
  }

  #times({after}: Args): ReturnType<typeof dropTimes> {
    const afterMs = after === undefined ? undefined : parseDuration(String(after), 'after');
    const {clock, trashRetentionMs: retentionMs} = this.#deps;
    const nowMs = clock.wallMs();
    endOf(nowMs, afterMs ?? 0, 'after');
    return dropTimes(nowMs, {afterMs, retentionMs});
  }

  async #open(dropped: Dropped, deadlineMs: number): Promise<{unconfirmed?: readonly number[]}> {
    const open = await confirmDrop(this.#deps, dropped, deadlineMs);
    return open.length === 0 ? {} : {unconfirmed: open};
  }
}

function named(args: Args): {readonly tenant: string; readonly name: string} {
  return {tenant: String(args['tenant']), name: String(args['name'])};
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString();
}
