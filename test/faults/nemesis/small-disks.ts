// Disks small enough to fill: a tmpfs under the data directory of some nodes. Where this machine does
// not let us mount, no disk is filled, and the report says so.

import {execFile, execFileSync} from 'node:child_process';
import {
  type Dirent,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';

/** Room for what a long run writes, logs of 64 MiB a segment among it. */
const DISK_BYTES = 1024 * 1024 * 1024;
const FILLER = 'filler';
const ATTEMPTS_MAX = 5;

const run = promisify(execFile);

/** Why no disk can be filled here; undefined if one can. */
export function whyNoMounts(): string | undefined {
  const place = mkdtempSync(path.join(tmpdir(), 'flotilla-mount-'));
  try {
    mount(place, 1024 * 1024);
    execFileSync('umount', [place], {stdio: 'pipe'});
    return undefined;
  } catch (error) {
    return `cannot mount a tmpfs: ${(error as Error).message.split('\n')[0]}`;
  } finally {
    rmdirSync(place);
  }
}

export class SmallDisks {
  /** Nodes whose disks can be filled. */
  readonly nodes: readonly number[];
  readonly #bytes: number;
  readonly #directories = new Map<number, string>();
  readonly #unmount = () => this.unmount();

  constructor(nodes: readonly number[], bytes = DISK_BYTES) {
    this.nodes = nodes;
    this.#bytes = bytes;
    // Nothing stays mounted, whatever ends this process.
    process.on('exit', this.#unmount);
  }

  /** As ProcessCluster wants it. */
  prepare = ({number, directory}: {number: number; directory: string}): void => {
    if (!this.nodes.includes(number)) return;
    mkdirSync(directory, {recursive: true});
    mount(directory, this.#bytes);
    this.#directories.set(number, directory);
  };

  /** Something else on the disk takes all but this share of its size; as much as is there, if that is less. */
  async leave(node: number, share: number): Promise<void> {
    this.free(node);
    const directory = this.directory(node);
    let bytes = Infinity;
    for (let attempt = 1; ; attempt++) {
      const {bavail, bsize, blocks} = statfsSync(directory);
      // What its node gives up when it meets the full disk is left to it.
      bytes = Math.min(bytes, Math.floor(bavail * bsize - blocks * bsize * share));
      if (bytes <= 0) return;
      try {
        await run('fallocate', ['-l', String(bytes), path.join(directory, FILLER)]);
        return;
      } catch (error) {
        // Its node wrote in between, and took what was counted.
        if (attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** Whether some file on it is called so. */
  has(node: number, name: string): boolean {
    return holds(this.directory(node), name);
  }

  free(node: number): void {
    rmSync(path.join(this.directory(node), FILLER), {force: true});
  }

  directory(node: number): string {
    return this.#directories.get(node)!;
  }

  /** Requires that their nodes have ended. */
  unmount(): void {
    process.off('exit', this.#unmount);
    for (const directory of this.#directories.values())
      if (existsSync(directory)) execFileSync('umount', ['--lazy', directory], {stdio: 'pipe'});
    this.#directories.clear();
  }
}

/** Its node goes on to remove files and directories meanwhile. */
function holds(directory: string, name: string): boolean {
  const entries = listed(directory);
  return entries.some(
    (entry) =>
      entry.name === name || (entry.isDirectory() && holds(path.join(directory, entry.name), name)),
  );
}

function listed(directory: string): Dirent[] {
  try {
    return readdirSync(directory, {withFileTypes: true});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function mount(place: string, bytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', place], {stdio: 'pipe'});
}
