// One backup, from its announcement to its record. Each node writes the sets that it is asked for, one after the
// other; nodes work beside each other. Order: sets, then the catalog (so that it names whatever they hold), then
// the record. A set whose node fails is asked of another; what fails everywhere fails the backup, and what was
// stored by then stays for the next.

import {
  DbError,
  ERRORS,
  FatalError,
  handledElsewhere,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import type {ReplicaSet} from '@flotilla/catalog';
import {
  type Announcement,
  announce,
  announcementPath,
  type BackedUpFile,
  type BackedUpSet,
  type BackupDirectory,
  incomingPath,
  Journal,
  knownFiles,
  withdraw,
  withdrawDead,
} from '@flotilla/storage';
import {pause} from '../engine/pause.ts';
import type {BackupRunsDeps} from './backup-runs.ts';
import {catalogContent, databasesIn} from './catalog-content.ts';
import {BACKUP_METHOD, type SetBackupNews, type SetBackupRequest} from './set-backup.ts';

/** Between two signs of life; who reads them waits for sixty. Progress is told by them. */
const SIGN_MS = 1_000;
/** The end of a backup waits no longer for it. */
const SIGN_LOOK_MS = 100;
/** Without a sign that could be given: half of what others wait for, who then may prune what is stored. */
const SILENT_MS_MAX = 30_000;
/** A set is asked of its replicas so often, all together: elections end, nodes restart. */
const TRIES_MAX = 9;
/** Between two rounds over the sets that failed. */
const ROUND_MS = 2_000;
/** Of one set: 8 TB at 100 MB/s. Whoever copies it tells so all the time, and one that is gone is seen at once. */
const SET_MS_MAX = 24 * 3_600_000;
const REFRESH_MS_MAX = 10_000;

export interface BackupPlace {
  readonly directory: BackupDirectory;
  /** As the nodes are told. */
  readonly path: string;
  readonly bytesPerSecond: number;
}

/** A set that is not stored yet. */
interface Wanted {
  readonly set: ReplicaSetId;
  tries: number;
  error: DbError | undefined;
}

export class BackupRun {
  readonly #deps: BackupRunsDeps;
  readonly #place: BackupPlace;
  #announcement: Announcement;
  readonly #done = new Map<ReplicaSetId, BackedUpSet>();
  #known = new Map<ReplicaId, BackedUpFile[]>();
  #isOver = false;
  readonly #stop = new AbortController();

  constructor(deps: BackupRunsDeps, place: BackupPlace, announcement: Announcement) {
    this.#deps = deps;
    this.#place = place;
    this.#announcement = announcement;
  }

  /** Never rejects; whether there is a backup. Once. */
  async run(sets: readonly ReplicaSet[]): Promise<boolean> {
    const {log} = this.#deps;
    const {id} = this.#announcement;
    const signs = this.#giveSigns();
    void handledElsewhere(signs);
    let failure: unknown;
    try {
      await this.#backUp(sets);
    } catch (error) {
      failure = error;
    }
    this.#isOver = true;
    // What is withdrawn must not be announced again.
    await handledElsewhere(signs);
    try {
      if (failure !== undefined) await this.#tellFailure(failure);
      else await this.#withdraw();
    } catch (error) {
      // Whoever reads the directory sees by its record that it is whole, or that it says nothing any more.
      log.warn({id, err: error}, 'cannot clear up behind a backup; the next one does');
    }
    if (failure === undefined) log.info({id, sets: this.#done.size}, 'backup done');
    else log.warn({id, err: failure}, 'backup failed');
    return failure === undefined;
  }

  async #backUp(sets: readonly ReplicaSet[]): Promise<void> {
    const {directory} = this.#place;
    const {id} = this.#announcement;
    this.#known = await knownFiles(directory);
    const journal = await Journal.open(directory, id);
    try {
      await this.#allSets(sets, journal);
    } finally {
      await journal.close();
    }
    await this.#complete();
  }

  /** With what those left that were broken off before: all of that is named by this backup, or of no use. */
  async #withdraw(): Promise<void> {
    const {directory} = this.#place;
    await withdrawDead(directory, this.#deps.clock.wallMs());
    await withdraw(directory, this.#announcement.id);
  }

  /** In rounds: in each every set that is left is asked of one node. */
  async #allSets(sets: readonly ReplicaSet[], journal: Journal): Promise<void> {
    const wanted = sets.map(({id}): Wanted => ({set: id, tries: 0, error: undefined}));
    for (let left = wanted; left.length > 0; ) {
      const rounds = [...this.#assign(left)].map(async ([node, ofNode]) => {
        for (const each of ofNode) await this.#try(node, each, journal);
      });
      // All of them, also after a failure: they write into the same journal.
      const failed = (await Promise.allSettled(rounds)).find(({status}) => status === 'rejected');
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
      this.#stop.signal.throwIfAborted();
      // A set that was dropped meanwhile is in no backup.
      left = left.filter(({set}) => !this.#done.has(set) && this.#isThere(set));
      const hopeless = left.find(
        ({error, tries}) =>
          error !== undefined && (tries >= TRIES_MAX || ERRORS[error.code].retry === 'never'),
      );
      if (hopeless !== undefined) throw failureOf(left, hopeless);
      if (left.length > 0) await pause(this.#deps.clock, ROUND_MS);
    }
  }

  /** To a replica whose files are known, since another one's are others; else to who has least to do. */
  #assign(left: readonly Wanted[]): Map<NodeId, Wanted[]> {
    const {nodes, access} = this.#deps;
    const {catalog} = access;
    const byNode = new Map<NodeId, Wanted[]>();
    const load = (node: NodeId): number => byNode.get(node)?.length ?? 0;
    for (const wanted of left) {
      const voters = (catalog.replicaSet(wanted.set)?.replicas ?? []).filter(
        ({role}) => role === 'voter',
      );
      if (voters.length === 0) {
        wanted.tries += 1;
        wanted.error = new DbError('UNAVAILABLE', 'it has no replica that votes');
        continue;
      }
      const present = voters.filter((voter) => !nodes.isAway(voter.node));
      const asked = present.length > 0 ? present : voters;
      const known = asked.find(({replica}) => this.#known.has(replica));
      const least = asked.reduce((best, one) => (load(one.node) < load(best.node) ? one : best));
      // Who failed is not asked again before the others were.
      const again = asked[wanted.tries % asked.length]!;
      const {node} = wanted.tries > 0 ? again : (known ?? least);
      byNode.set(node, [...(byNode.get(node) ?? []), wanted]);
    }
    return byNode;
  }

  async #try(node: NodeId, wanted: Wanted, journal: Journal): Promise<void> {
    if (!this.#isThere(wanted.set) || this.#stop.signal.aborted) return;
    wanted.tries += 1;
    try {
      const made = await this.#ask(node, wanted.set, journal);
      this.#done.set(wanted.set, made);
      this.#count({setsDone: this.#announcement.setsDone + 1});
    } catch (error) {
      if (error instanceof DbError) {
        wanted.error = error;
        return;
      }
      // The directory cannot be written from here: nobody need go on.
      this.#stop.abort();
      throw error;
    }
  }

  #isThere(set: ReplicaSetId): boolean {
    const {state} = this.#deps.access.catalog.replicaSet(set) ?? {};
    return state !== undefined && state !== 'dropping';
  }

  async #ask(node: NodeId, set: ReplicaSetId, journal: Journal): Promise<BackedUpSet> {
    const {nodes} = this.#deps;
    const away = new AbortController();
    const unwatch = nodes.onAway(node, () => away.abort());
    const signal = AbortSignal.any([away.signal, this.#stop.signal]);
    try {
      return await this.#take({node, set}, journal, signal);
    } catch (error) {
      if (!away.signal.aborted) throw error;
      throw new DbError('UNAVAILABLE', `node ${node} stopped answering`, {node}, error);
    } finally {
      unwatch();
    }
  }

  async #take(
    target: {readonly node: NodeId; readonly set: ReplicaSetId},
    journal: Journal,
    signal: AbortSignal,
  ): Promise<BackedUpSet> {
    const {rpc, clock} = this.#deps;
    const payload = new TextEncoder().encode(JSON.stringify(this.#requestFor(target.set)));
    const options = {deadlineMs: clock.monotonicMs() + SET_MS_MAX, signal};
    let pinned: {readonly replica: ReplicaId; readonly index: number} | undefined;
    const files: BackedUpFile[] = [];
    for await (const item of rpc.stream(target, BACKUP_METHOD, payload, options)) {
      const news = JSON.parse(new TextDecoder().decode(item)) as SetBackupNews;
      if (news.type === 'pinned') pinned = news;
      else if (news.type === 'copied')
        this.#count({copiedBytes: this.#announcement.copiedBytes + news.bytes});
      else {
        files.push(news.file);
        await this.#stored(pinned!.replica, news.file, journal);
      }
    }
    const {replica, index} = pinned!;
    return {...target, replica, index, files};
  }

  /** Also for a try after this one, should it fail. */
  async #stored(replica: ReplicaId, file: BackedUpFile, journal: Journal): Promise<void> {
    this.#count({bytes: this.#announcement.bytes + file.bytes});
    const known = this.#known.get(replica) ?? [];
    if (!known.some(({name, sha256}) => name === file.name && sha256 === file.sha256))
      this.#known.set(replica, [...known, file]);
    await journal.note(replica, file);
  }

  #requestFor(set: ReplicaSetId): SetBackupRequest {
    const {path: directory, bytesPerSecond} = this.#place;
    const replicas = this.#deps.access.catalog.replicaSet(set)?.replicas ?? [];
    const known = replicas.flatMap(({replica}) => {
      const files = this.#known.get(replica);
      return files === undefined ? [] : [[replica, files] as const];
    });
    return {directory, backup: this.#announcement.id, bytesPerSecond, known};
  }

  async #complete(): Promise<void> {
    const {access, clock, build} = this.#deps;
    const {directory} = this.#place;
    const {id, scope, startedMs} = this.#announcement;
    await access.refresh(clock.monotonicMs() + REFRESH_MS_MAX);
    const {catalog} = access;
    // One that was dropped since is not to come back by a restoration. In an order of their own, not that in
    // which nodes were done: so what has not changed is the same bytes.
    const sets = [...this.#done.values()]
      .filter(({set}) => this.#isThere(set))
      .sort((a, b) => a.set - b.set);
    const content = catalogContent(
      catalog,
      databasesIn(catalog, scope),
      sets.map(({set}) => set),
    );
    const bytes = Buffer.from(JSON.stringify(content));
    await directory.disk.makeDirectory(incomingPath(id));
    const stored = await directory.put(bytes, `${incomingPath(id)}/catalog`);
    await this.#mustBeUndisturbed(sets);
    await directory.complete({
      ...{id, build, scope, startedMs, sets},
      cluster: directory.cluster,
      endedMs: clock.wallMs(),
      catalog: stored,
      copiedBytes: this.#announcement.copiedBytes,
    });
  }

  /** Who was taken for dead may have been pruned: then what it has stored may be gone. */
  async #mustBeUndisturbed(sets: readonly BackedUpSet[]): Promise<void> {
    const {directory} = this.#place;
    const {id} = this.#announcement;
    const stored = await directory.stored();
    const missing = sets.flatMap(({files}) => files).filter(({sha256}) => !stored.has(sha256));
    if (missing.length === 0 && (await directory.disk.exists(announcementPath(id)))) return;
    const message = `backup ${id} was taken for one that had stopped, and what it had stored was removed; make another`;
    throw new DbError('CONFLICT', message);
  }

  #count(change: Partial<Announcement>): void {
    this.#announcement = {...this.#announcement, ...change};
  }

  /** Rejects, and ends all else, once others may take it for dead: what refuses one sign may take the next. */
  async #giveSigns(): Promise<void> {
    const {clock} = this.#deps;
    let triedMs = clock.monotonicMs();
    let givenMs = triedMs;
    while (!this.#isOver) {
      await pause(clock, SIGN_LOOK_MS);
      if (this.#isOver || clock.monotonicMs() - triedMs < SIGN_MS) continue;
      triedMs = clock.monotonicMs();
      this.#count({updatedMs: clock.wallMs()});
      try {
        await this.#sign();
        givenMs = triedMs;
      } catch (error) {
        if (triedMs - givenMs < SILENT_MS_MAX) continue;
        this.#stop.abort(error);
        throw error;
      }
    }
  }

  /** Only while nobody has withdrawn it. */
  async #sign(): Promise<void> {
    const {directory} = this.#place;
    if (await directory.disk.exists(announcementPath(this.#announcement.id)))
      await announce(directory, this.#announcement);
  }

  async #tellFailure(failure: unknown): Promise<void> {
    const isKnown = failure instanceof DbError || failure instanceof FatalError;
    const error = isKnown ? failure.message : 'a mistake of the server; its log has the cause';
    this.#count({state: 'failed', error, updatedMs: this.#deps.clock.wallMs()});
    await this.#sign();
  }
}

function failureOf(left: readonly Wanted[], {set, error}: Wanted): DbError {
  const others = left.length === 1 ? '' : ` (and ${left.length - 1} more)`;
  const message = `replica set ${set}${others} could not be backed up: ${error!.message}`;
  return new DbError(error!.code, message, {replicaSets: left.slice(0, 100).map((one) => one.set)});
}
