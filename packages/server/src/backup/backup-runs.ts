// Backups that this node coordinates, and what directories hold. The directory is all that is kept of a backup:
// any node tells how far one is, and what a coordinator's death leaves is used by the next.

import {isAbsolute} from 'node:path';
import {
  type Clock,
  DbError,
  type Disk,
  LIMITS,
  type Log,
  type NodeId,
  type Rpc,
} from '@flotilla/base';
import type {NodeWatch} from '@flotilla/router';
import {
  type Announcement,
  announceAlone,
  BackupDirectory,
  type BackupScope,
  type BackupView,
  listBackups,
} from '@flotilla/storage';
import {type CatalogAccess, findDatabase, findTenant} from '../engine/catalog-access.ts';
import type {AdminRead} from '../engine/gateway.ts';
import type {Sample} from '../metrics/sample.ts';
import {BackupRun} from './backup-run.ts';
import {databasesIn, setsIn} from './catalog-content.ts';
import {namingNode} from './set-backup.ts';

const START_MS_MAX = 10_000;

export interface BackupRunsDeps {
  readonly node: NodeId;
  readonly access: CatalogAccess;
  readonly rpc: Rpc;
  /** Told which nodes answer. */
  readonly nodes: Pick<NodeWatch, 'isAway' | 'onAway'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly openDisk: (directory: string) => Disk;
  /** Of the program. */
  readonly build: string;
}

/** Checked by the route (http/routes/admin.ts). */
export interface BackupWanted extends BackupScope {
  readonly directory: string;
  readonly bytesPerSecond?: number | undefined;
  /** Of a list: this one alone. */
  readonly id?: string | undefined;
}

export class BackupRuns {
  readonly #deps: BackupRunsDeps;
  #lastSuccessMs = 0;
  readonly #ended = {done: 0, failed: 0};

  constructor(deps: BackupRunsDeps) {
    this.#deps = deps;
  }

  async run(
    action: string,
    args: Readonly<Record<string, unknown>>,
  ): Promise<AdminRead | {readonly backup: BackupView | undefined}> {
    const wanted = args as unknown as BackupWanted;
    if (!isAbsolute(wanted.directory))
      throw new DbError(
        'INVALID_ARGUMENT',
        `directory: ${wanted.directory} is not absolute: each node works somewhere else`,
      );
    try {
      if (action === 'backup-list') return {value: await this.#list(wanted), isOwnCopy: false};
      return await this.#start(wanted);
    } catch (error) {
      throw namingNode(this.#deps.node, error);
    }
  }

  /** Of those that this process coordinated. */
  samples(): Sample[] {
    const of = (outcome: 'done' | 'failed'): Sample => {
      return {
        metric: 'flotilla_backups_total',
        labels: {outcome},
        value: this.#ended[outcome],
      };
    };
    const metric = 'flotilla_backup_last_success_timestamp_seconds';
    return [of('done'), of('failed'), {metric, value: this.#lastSuccessMs / 1_000}];
  }

  async #list({directory, id}: BackupWanted): Promise<BackupView[]> {
    const opened = await BackupDirectory.open(this.#deps.openDisk(directory));
    return listBackups(opened, this.#deps.clock.wallMs(), id);
  }

  async #start(wanted: BackupWanted): Promise<{readonly backup: BackupView | undefined}> {
    const {node, access, clock, openDisk} = this.#deps;
    const {tenant, database, directory: path} = wanted;
    const {bytesPerSecond = LIMITS.backup_bytes_per_second_max.value} = wanted;
    const deadlineMs = clock.monotonicMs() + START_MS_MAX;
    await access.refresh(deadlineMs);
    await mustBeThere(access, wanted, deadlineMs);
    const {catalog} = access;
    const scope = {tenant: tenant ?? (database === undefined ? undefined : 'default'), database};
    const databases = databasesIn(catalog, scope);
    const sets = setsIn(catalog, databases);
    const disk = openDisk(path);
    if (!(await disk.exists('')))
      throw new DbError('NOT_FOUND', `${path} is not there on the node that was asked`);
    const directory = await BackupDirectory.prepare(disk, catalog.cluster!.id);
    const startedMs = clock.wallMs();
    const announcement: Announcement = {
      ...{startedMs, updatedMs: startedMs, scope, sets: sets.length},
      // In the order of time; two nodes that begin together do not take one for the other.
      id: `${new Date(startedMs).toISOString().replaceAll(/[:.]/g, '-')}-${node}`,
      work: 'backup',
      state: 'running',
      setsDone: 0,
      bytes: 0,
      copiedBytes: 0,
    };
    await announceAlone(directory, announcement);
    const run = new BackupRun(this.#deps, {directory, path, bytesPerSecond}, announcement);
    void run.run(sets).then((isDone) => this.#end(isDone));
    const [backup] = await listBackups(directory, startedMs, announcement.id);
    return {backup};
  }

  #end(isDone: boolean): void {
    this.#ended[isDone ? 'done' : 'failed'] += 1;
    if (isDone) this.#lastSuccessMs = this.#deps.clock.wallMs();
  }
}

async function mustBeThere(
  access: CatalogAccess,
  {tenant = 'default', database}: BackupScope,
  deadlineMs: number,
): Promise<void> {
  if (database !== undefined) await findDatabase(access, {tenant, database}, deadlineMs);
  else await findTenant(access, tenant, deadlineMs);
}
