// What an import remembers in a file, so that it can be gone on with: which lines of which source are written, and
// a name for the run. Bodies are sent under keys made of that name, their place and their bytes: what was sent
// and not remembered any more is sent again under the same key, and so is not written a second time. Another
// run has another name. So what was deleted since an earlier import can be imported again.

import {createHash, randomUUID} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {z} from 'zod';
import {UsageError} from '../terminal.ts';
import {replaceFile} from './manifest.ts';

/** Less often than this the file is not written: bodies since then go again, under their keys. */
const SAVED_EVERY_MS = 1_000;
/** Of 64: as many as a UUID has. */
const KEY_LETTERS = 32;

const Memory = z.object({
  version: z.literal(1, 'it was written by another version of flotilla'),
  run: z.uuid(),
  /** What was imported: another directory has other files of the same names. */
  given: z.string(),
  tenant: z.string(),
  database: z.string(),
  /** By name: lines that are written; -1: all. */
  sources: z.record(z.string(), z.number().int().min(-1)),
});
type Memory = z.infer<typeof Memory>;

export class ImportMemory {
  readonly #file: string | undefined;
  readonly #memory: Memory;
  #savedMs = Number.NEGATIVE_INFINITY;

  private constructor(file: string | undefined, memory: Memory) {
    this.#file = file;
    this.#memory = memory;
  }

  /** Without a file nothing is remembered. */
  static async open(
    file: string | undefined,
    scope: Pick<Memory, 'given' | 'tenant' | 'database'>,
  ): Promise<ImportMemory> {
    const fresh: Memory = {version: 1, run: randomUUID(), ...scope, sources: {}};
    if (file === undefined) return new ImportMemory(undefined, fresh);
    const found = await readMemory(file);
    if (found === undefined) {
      const memory = new ImportMemory(file, fresh);
      // Before the first body goes: its key must be known to who goes on.
      await memory.save();
      return memory;
    }
    const described = ({given, tenant, database}: typeof scope): string =>
      `an import of ${given} into ${tenant}.${database}`;
    if (described(found) !== described(scope))
      throw new UsageError(`--resume: ${file} is of ${described(found)}: name another file`);
    return new ImportMemory(file, found);
  }

  /** Lines of the source that are written. */
  linesOf(source: string): number {
    return Math.max(0, this.#of(source));
  }

  isDone(source: string): boolean {
    return this.#of(source) === -1;
  }

  #of(source: string): number {
    const {sources} = this.#memory;
    return Object.hasOwn(sources, source) ? sources[source]! : 0;
  }

  async written(source: string, lines: number): Promise<void> {
    this.#memory.sources[source] = lines;
    if (performance.now() - this.#savedMs >= SAVED_EVERY_MS) await this.save();
  }

  async done(source: string): Promise<void> {
    this.#memory.sources[source] = -1;
    await this.save();
  }

  async save(): Promise<void> {
    if (this.#file === undefined) return;
    await replaceFile(this.#file, `${JSON.stringify(this.#memory, null, 1)}\n`);
    this.#savedMs = performance.now();
  }

  /** The same for the same bytes at the same place, in this run alone. */
  keyOf(source: string, line: number, bytes: Uint8Array): string {
    const {run, tenant, database} = this.#memory;
    const place = JSON.stringify([run, tenant, database, source, line]);
    return createHash('sha256').update(place).update(bytes).digest('hex').slice(0, KEY_LETTERS);
  }
}

async function readMemory(file: string): Promise<Memory | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return Memory.parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new UsageError(`--resume: ${file} does not record the progress of an import: ${reason}`);
  }
}
