// Takes snapshots in. Chunks are checked and written in order into a directory of their own; when all
// is there and synced it is renamed to the place that recovery knows, and only then the core is told.
// What came is synced while more comes: all of it at the end would stand before the log's writes for as long as
// the disk takes to write it, and the sender would give up a transfer that seems to stand still.
// Law: once the log says that a snapshot is the state, its files lie whole under `stagedPath`, until
// the state machine has installed them.

import {crc32} from 'node:zlib';
import {
  type DiskFile,
  isPassing,
  type Log,
  type NodeId,
  type ReplicaId,
  type Transport,
} from '@flotilla/base';
import {
  ByteWriter,
  encodeSnapshotAck,
  type SnapshotAck,
  type SnapshotBegin,
  type SnapshotChunk,
  startGroupsFrame,
  writeItem,
} from '@flotilla/wire';
import type {Driver} from '../host/driver.ts';
import type {HostedGroup} from '../host/hosted-group.ts';
import type {Ticker} from '../host/ticker.ts';
import type {StagedSnapshot} from '../state-machine.ts';

/** A transfer that stood still this long is over. */
const GIVE_UP_MS = 30_000;
/** Written and not synced yet, of one transfer: some 100 ms of a slow disk, and a sync of many chunks. */
const UNSYNCED_BYTES_MAX = 8 * 1024 * 1024;

interface Incoming {
  readonly from: NodeId;
  readonly group: HostedGroup;
  readonly begin: SnapshotBegin;
  readonly directory: string;
  readonly totalBytes: number;
  /** The one that is written to: they come one after the other. */
  file: DiskFile | undefined;
  /** Of it, since its last sync. */
  unsyncedBytes: number;
  /** Accepted, and written. */
  accepted: number;
  written: number;
  readonly beganMs: number;
  progressMs: number;
  /** One disk operation after another. */
  work: Promise<void>;
  isOver: boolean;
}

export interface Staged extends StagedSnapshot {
  readonly sinceMs: number;
}

export class SnapshotReceiver {
  readonly #driver: Driver;
  readonly #ticker: Ticker;
  readonly #transport: Transport;
  readonly #isGone: (node: NodeId) => boolean;
  readonly #receivedMax: number;
  readonly #now: () => number;
  readonly #thread: number;
  readonly #log: Log | undefined;
  readonly #incoming = new Set<Incoming>();
  /** What of a group is still being removed: the next transfer may use the same places. */
  readonly #cleanups = new Map<HostedGroup, Promise<void>>();
  /** Whole and verified; the core decides what becomes of it. */
  readonly staged = new Map<HostedGroup, Staged>();

  constructor(
    driver: Driver,
    ticker: Ticker,
    transport: Transport,
    options: {
      readonly isGone: (node: NodeId) => boolean;
      readonly receivedMax: number;
      readonly thread: number;
      readonly log: Log | undefined;
      readonly now: () => number;
    },
  ) {
    this.#driver = driver;
    this.#ticker = ticker;
    this.#transport = transport;
    this.#isGone = options.isGone;
    this.#receivedMax = options.receivedMax;
    this.#now = options.now;
    this.#thread = options.thread;
    this.#log = options.log;
  }

  begin(from: NodeId, group: HostedGroup | undefined, begin: SnapshotBegin, set: number): void {
    const known = this.#find(from, begin.transfer);
    if (known !== undefined) {
      this.#answer(known, known.written);
      return;
    }
    const isFor = group !== undefined && !group.isGone && group.replica === begin.message.to;
    const isFree = this.#underway(group) < this.#receivedMax && !this.staged.has(group!);
    if (!isFor || !isFree || group.isInstalling || !areNamesFit(begin)) {
      const {transfer} = begin;
      this.#send(from, set, {transfer, position: 0, state: 'refused'});
      return;
    }
    for (const other of this.#incoming) if (other.group === group) this.#end(other);
    group.nodes.set(begin.message.from, from);
    const {store, replica} = group;
    const incoming: Incoming = {
      from,
      group,
      begin,
      directory: `${store.stagingPath}/incoming-${set}-${replica}-${from}-${begin.transfer}`,
      totalBytes: begin.files.reduce((sum, file) => sum + file.bytes, 0),
      file: undefined,
      unsyncedBytes: 0,
      accepted: 0,
      written: 0,
      beganMs: this.#now(),
      progressMs: this.#now(),
      work: this.#cleanups.get(group) ?? Promise.resolve(),
      isOver: false,
    };
    this.#incoming.add(incoming);
    this.#do(incoming, async () => {
      await this.#create(incoming);
      this.#tell(incoming);
      if (incoming.totalBytes === 0) await this.#complete(incoming);
      else this.#answer(incoming, 0);
    });
  }

  chunk(from: NodeId, chunk: SnapshotChunk): void {
    const incoming = this.#find(from, chunk.transfer);
    if (incoming === undefined) return;
    const {file, offset, payload} = chunk;
    const sizes = incoming.begin.files;
    const before = sizes.slice(0, file).reduce((sum, one) => sum + one.bytes, 0);
    const fits = payload.length > 0 && offset + payload.length <= (sizes[file]?.bytes ?? -1);
    if (!fits || before + offset !== incoming.accepted || crc32(payload) !== chunk.crc) return;
    incoming.accepted += payload.length;
    incoming.progressMs = this.#now();
    this.#do(incoming, async () => {
      await this.#write(incoming, chunk);
      this.#tell(incoming);
      if (incoming.written === incoming.totalBytes) await this.#complete(incoming);
      else this.#answer(incoming, incoming.written);
    });
  }

  tick(nowMs: number): void {
    for (const incoming of this.#incoming)
      if (nowMs - incoming.progressMs >= GIVE_UP_MS || incoming.group.isGone) this.#end(incoming);
    for (const [group, {sinceMs, point}] of this.staged) {
      if (group.isInstalling || nowMs === sinceMs) continue;
      // Its record is about to be written: from then on recovery relies on the files.
      if (!group.isGone && group.raft.status().pendingSnapshotIndex === point.index) continue;
      // The core did not want it.
      this.unstage(group);
    }
  }

  /** Nobody needs its files any more. */
  unstage(group: HostedGroup): void {
    const directory = this.staged.get(group)?.directory;
    this.staged.delete(group);
    if (directory !== undefined) this.#discard(group, directory);
  }

  forget(node: NodeId): void {
    for (const incoming of this.#incoming) if (incoming.from === node) this.#end(incoming);
  }

  /** Resolves when nothing is written for the group any more. */
  async abandon(group: HostedGroup): Promise<void> {
    for (const incoming of this.#incoming) {
      if (incoming.group !== group) continue;
      this.#end(incoming);
      await incoming.work;
    }
    // What the log may name is for the next opening of the replica, or for its burial.
    if (group.isInstalling) this.staged.delete(group);
    else this.unstage(group);
    await this.#cleanups.get(group);
  }

  /** But for those of the group, whose place the next takes, and those whose sender is gone. */
  #underway(but: HostedGroup | undefined): number {
    let count = 0;
    for (const {from, group} of this.#incoming)
      if (group !== but && !this.#isGone(from)) count += 1;
    return count;
  }

  #find(from: NodeId, transfer: number): Incoming | undefined {
    return [...this.#incoming].find((one) => one.from === from && one.begin.transfer === transfer);
  }

  #do(incoming: Incoming, step: () => Promise<void>): void {
    incoming.work = incoming.work.then(async () => {
      if (incoming.isOver) return;
      try {
        await step();
      } catch (error) {
        this.#fail(incoming, error);
      }
    });
  }

  /** What passes (a full disk, say) refuses the snapshot alone; any other failure of the disk is the store's. */
  #fail(incoming: Incoming, error: unknown): void {
    const {group, from, begin} = incoming;
    this.#send(from, group.set, {transfer: begin.transfer, position: 0, state: 'refused'});
    this.#end(incoming);
    if (!isPassing(error)) this.#driver.failStore(group.store, error);
  }

  /** How far it is, for whoever waits for it. */
  #tell({group, written, totalBytes, beganMs}: Incoming): void {
    const elapsedMs = Math.max(1, this.#now() - beganMs);
    const bytesPerSecond = Math.round((1_000 * written) / elapsedMs);
    group.received = {bytes: written, bytesTotal: totalBytes, bytesPerSecond};
    this.#driver.changed.mark(group);
  }

  async #create(incoming: Incoming): Promise<void> {
    const {group, directory, begin} = incoming;
    const {disk, path, stagingPath} = group.store;
    await disk.makeDirectory(stagingPath);
    await disk.syncDirectory(path);
    await disk.remove(directory);
    await disk.makeDirectory(directory);
    for (const {name} of begin.files.filter(({bytes}) => bytes === 0)) {
      const file = await disk.open(`${directory}/${name}`, 'create');
      await file.close();
    }
  }

  async #write(incoming: Incoming, {file: index, offset, payload}: SnapshotChunk): Promise<void> {
    const {group, directory, begin} = incoming;
    const {name, bytes} = begin.files[index]!;
    incoming.file ??= await group.store.disk.open(`${directory}/${name}`, 'create');
    const {file} = incoming;
    await file.writeAt(offset, [payload]);
    incoming.written += payload.length;
    incoming.unsyncedBytes += payload.length;
    const isWhole = offset + payload.length === bytes;
    if (isWhole || incoming.unsyncedBytes >= UNSYNCED_BYTES_MAX) {
      await file.sync();
      incoming.unsyncedBytes = 0;
    }
    if (isWhole) {
      incoming.file = undefined;
      await file.close();
    }
    incoming.progressMs = this.#now();
  }

  async #complete(incoming: Incoming): Promise<void> {
    const {group, directory, begin} = incoming;
    const {disk, stagingPath} = group.store;
    await disk.syncDirectory(directory);
    if (incoming.isOver) return;
    const {snapshot} = begin.message;
    const target = group.store.stagedPath(group.set, group.replica, snapshot.index);
    await disk.remove(target);
    await disk.rename(directory, target);
    try {
      await disk.syncDirectory(stagingPath);
    } catch (error) {
      // Whoever ends it knows it by its first name only.
      await disk.rename(target, directory);
      throw error;
    }
    // The same.
    if (incoming.isOver) return disk.remove(target);
    incoming.isOver = true;
    this.#incoming.delete(incoming);
    const {index, term, configuration} = snapshot;
    group.receivedFrom = begin.message.from as ReplicaId;
    this.staged.set(group, {
      point: {index, term, configuration},
      directory: target,
      fileNames: begin.files.map(({name}) => name),
      sinceMs: this.#now(),
    });
    const {transfer} = begin;
    this.#send(incoming.from, group.set, {
      transfer,
      position: incoming.totalBytes,
      state: 'staged',
    });
    this.#ticker.wake(group);
    this.#driver.step(group, {type: 'message', message: begin.message});
  }

  #end(incoming: Incoming): void {
    if (incoming.isOver) return;
    incoming.isOver = true;
    this.#incoming.delete(incoming);
    incoming.work = incoming.work.then(() => incoming.file?.close());
    this.#discard(incoming.group, incoming.directory, incoming.work);
  }

  /** Leftovers cost only space until the next start removes them. */
  #discard(group: HostedGroup, directory: string, after = Promise.resolve()): void {
    const cleanup = Promise.all([after, this.#cleanups.get(group)])
      .then(() => group.store.disk.remove(directory))
      .catch((error: unknown) =>
        this.#log?.warn({directory, error: String(error)}, 'cannot discard a snapshot'),
      );
    this.#cleanups.set(group, cleanup);
    void cleanup.then(() => {
      if (this.#cleanups.get(group) === cleanup) this.#cleanups.delete(group);
    });
  }

  #answer({from, group, begin}: Incoming, position: number): void {
    this.#send(from, group.set, {transfer: begin.transfer, position, state: 'receiving'});
  }

  #send(to: NodeId, set: number, ack: SnapshotAck): void {
    const writer = new ByteWriter(64);
    startGroupsFrame(writer, this.#thread);
    writeItem(writer, {kind: 'snapshotAck', set, payload: encodeSnapshotAck(ack)});
    this.#transport.send(to, 'bulk', writer.finish());
  }
}

/** Names make paths: plain, and each once. */
function areNamesFit({files}: SnapshotBegin): boolean {
  const names = files.map(({name}) => name);
  if (new Set(names).size < names.length) return false;
  return names.every((name) => /^[\w.-]{1,200}$/.test(name) && !/^\.+$/.test(name));
}
