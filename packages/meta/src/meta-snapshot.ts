// The catalog as one file: a header line of JSON with version, length and CRC32 of the body, then the
// body, JSON too. It is written aside, synced, renamed and its directory synced, so a name that can be
// read is a file that is whole; the checksum is for what disks do later.

import {crc32} from 'node:zlib';
import {type Disk, FatalError} from '@flotilla/base';
import {CLUSTER_VERSION, type MachineSnapshot} from '@flotilla/catalog';
import type {DurablePoint} from '@flotilla/multiraft';
import {decodeJson, encodeJson} from './command-codec.ts';

const FORMAT_VERSION = 1;
const NEWLINE = 0x0a;
/** The newest can prove unreadable; the log is kept from the one before as long as the host keeps it. */
const FILES_KEPT = 2;
const FILE_NAME = /^catalog-(\d{16})\.json$/;

export interface MetaState {
  readonly point: DurablePoint;
  readonly machine: MachineSnapshot;
}

interface Header {
  readonly format: number;
  readonly bytes: number;
  readonly crc32: number;
}

export function encodeMetaState(state: MetaState): Uint8Array {
  const body = encodeJson(state);
  const header: Header = {format: FORMAT_VERSION, bytes: body.length, crc32: crc32(body)};
  return Buffer.concat([encodeJson(header), Buffer.of(NEWLINE), body]);
}

export function decodeMetaState(bytes: Uint8Array, path: string): MetaState {
  const headerEnd = bytes.indexOf(NEWLINE);
  const header = headerEnd < 0 ? undefined : readHeader(bytes.subarray(0, headerEnd));
  if (header === undefined) throw new FatalError(`no header in catalog file ${path}`);
  if (header.format !== FORMAT_VERSION) {
    throw new FatalError(`catalog file ${path} has format ${header.format}, newer than this build`);
  }
  const body = bytes.subarray(headerEnd + 1);
  if (body.length !== header.bytes || crc32(body) !== header.crc32) {
    throw new FatalError(
      `catalog file ${path} is damaged: want ${header.bytes} bytes with CRC ${header.crc32}; have ${body.length} with ${crc32(body)}`,
    );
  }
  const state = decodeJson(body) as MetaState;
  const version = clusterVersionOf(state);
  if (version > CLUSTER_VERSION) {
    throw new FatalError(
      `catalog file ${path} is of cluster version ${version}; this build can ${CLUSTER_VERSION}`,
    );
  }
  return state;
}

function clusterVersionOf({machine}: MetaState): number {
  for (const change of machine.catalog.changes) {
    if (change.kind === 'cluster') return change.value?.version ?? 1;
  }
  return 1;
}

function readHeader(bytes: Uint8Array): Header | undefined {
  try {
    return decodeJson(bytes) as Header;
  } catch {
    return undefined; // Said by the caller, who knows the path.
  }
}

/** The files of one replica's directory. */
export class MetaFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  /** With all directories above it, durably, by this process. */
  #isMade = false;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /**
   * The newest state; undefined where none was ever written. A damaged newest file is an error and
   * not a reason to go back: votes and acknowledgements rest on what it held.
   */
  async readNewest(): Promise<MetaState | undefined> {
    const newest = (await this.#names()).at(-1);
    return newest === undefined ? undefined : this.read(`${this.#directory}/${newest}`);
  }

  async read(path: string): Promise<MetaState> {
    const file = await this.#disk.open(path, 'read');
    try {
      return decodeMetaState(await file.readAt(0, await file.size()), path);
    } finally {
      await file.close();
    }
  }

  /** Durable when it resolves. */
  async write(index: number, bytes: Uint8Array): Promise<void> {
    const disk = this.#disk;
    await this.#makeDirectory();
    await this.#removeUnfinished();
    const path = `${this.#directory}/catalog-${String(index).padStart(16, '0')}.json`;
    const aside = `${path}.new`;
    const file = await disk.open(aside, 'create');
    try {
      await file.writeAt(0, [bytes]);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(aside, path);
    await disk.syncDirectory(this.#directory);
    await this.#removeOld();
  }

  async destroy(): Promise<void> {
    await this.#disk.remove(this.#directory);
    const parent = parentOf(this.#directory);
    // Where no replica of the store ever had a file, nobody has made it.
    if (await this.#disk.exists(parent)) await this.#disk.syncDirectory(parent);
  }

  /**
   * A file is only as durable as the names of all directories above it; a process before may have made
   * them and ended before they were.
   */
  async #makeDirectory(): Promise<void> {
    if (this.#isMade) return;
    await this.#disk.makeDirectory(this.#directory);
    let path = this.#directory;
    do {
      path = parentOf(path);
      await this.#disk.syncDirectory(path);
    } while (path !== '');
    this.#isMade = true;
  }

  /** What a crash or a full disk left of a file that was not whole yet: nobody else would remove it. */
  async #removeUnfinished(): Promise<void> {
    for (const {name} of await this.#disk.list(this.#directory))
      if (name.endsWith('.new')) await this.#disk.remove(`${this.#directory}/${name}`);
  }

  async #removeOld(): Promise<void> {
    const names = await this.#names();
    for (const name of names.slice(0, -FILES_KEPT)) {
      await this.#disk.remove(`${this.#directory}/${name}`);
    }
  }

  /** By index, ascending: the numbers are padded. */
  async #names(): Promise<string[]> {
    const entries = await this.#disk.list(this.#directory);
    return entries.map(({name}) => name).filter((name) => FILE_NAME.test(name));
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}
