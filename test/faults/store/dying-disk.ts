// The disk and the manifest of a process that is to die at one step: before it, in the middle of what it
// writes, or when it is done and nobody has been told. Until a step is armed nothing counts.

import type {Disk, DiskFile, ManifestStore} from '@flotilla/base';

export interface Step {
  readonly call:
    | 'create'
    | 'write'
    | 'sync'
    | 'truncate'
    | 'rename'
    | 'link'
    | 'remove'
    | 'sync directory'
    | 'commit';
  /** Part of the path, as a regular expression; of a rename that of the old name. */
  readonly path: string;
  /** `half` of what is written only. */
  readonly moment: 'before' | 'half' | 'after';
  /** From 1, of the calls that match; the first where absent. */
  readonly nth?: number | undefined;
}

export class DyingDisk {
  #step: Step | undefined;
  #left = 0;

  arm(step: Step): void {
    this.#step = step;
    this.#left = step.nth ?? 1;
  }

  disk(real: Disk): Disk {
    const run = this.#run.bind(this);
    return {
      open: async (path, mode) => {
        const open = (): Promise<DiskFile> => real.open(path, mode);
        return this.#file(mode === 'create' ? await run('create', path, open) : await open());
      },
      exists: (path) => real.exists(path),
      list: (path) => real.list(path),
      makeDirectory: (path) => real.makeDirectory(path),
      rename: (from, to) => run('rename', from, () => real.rename(from, to)),
      link: (from, to) => run('link', from, () => real.link(from, to)),
      remove: async (path) => {
        // What is not there is no step.
        if (await real.exists(path)) await run('remove', path, () => real.remove(path));
      },
      syncDirectory: (path) => run('sync directory', path, () => real.syncDirectory(path)),
      space: () => real.space(),
    };
  }

  manifest(real: ManifestStore): ManifestStore {
    return {
      load: () => real.load(),
      commit: (edit) => this.#run('commit', 'manifest', () => real.commit(edit)),
      close: () => real.close(),
    };
  }

  #file(real: DiskFile): DiskFile {
    const {path} = real;
    const written = (
      write: (offset: number, chunks: readonly Uint8Array[]) => Promise<void>,
      offset: number,
      chunks: readonly Uint8Array[],
    ): Promise<void> => {
      const half = async (): Promise<void> => {
        const all = Buffer.concat(chunks);
        await real.writeAt(offset, [all.subarray(0, all.length >> 1)]);
      };
      return this.#run('write', path, () => write(offset, chunks), half);
    };
    return {
      path,
      readAt: (offset, length) => real.readAt(offset, length),
      writeAt: (offset, chunks) => written(real.writeAt.bind(real), offset, chunks),
      writeDurably: (offset, chunks) => written(real.writeDurably!.bind(real), offset, chunks),
      sync: () => this.#run('sync', path, () => real.sync()),
      truncate: (bytes) => this.#run('truncate', path, () => real.truncate(bytes)),
      size: () => real.size(),
      close: () => real.close(),
    };
  }

  async #run<T>(
    call: Step['call'],
    path: string,
    real: () => Promise<T>,
    half?: () => Promise<void>,
  ): Promise<T> {
    const step = this.#step;
    const isMeant = step?.call === call && new RegExp(step.path).test(path) && --this.#left === 0;
    if (!isMeant) return real();
    if (step.moment === 'half') await half!();
    if (step.moment === 'after') await real();
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  }
}
