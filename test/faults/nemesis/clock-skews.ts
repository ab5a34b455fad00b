// The files that say how far each node's wall clock is off (see skewed-clock.ts).

import {renameSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

const PRELOAD = pathToFileURL(path.join(import.meta.dirname, 'skewed-clock.ts')).href;

export class ClockSkews {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Of the node's process. Its clock is right until `set` says otherwise. */
  env(node: number): Readonly<Record<string, string>> {
    this.set(node, 0);
    return {NODE_OPTIONS: `--import=${PRELOAD}`, FLOTILLA_TEST_SKEW_FILE: this.#file(node)};
  }

  set(node: number, skewMs: number): void {
    const file = this.#file(node);
    writeFileSync(`${file}.new`, String(skewMs));
    renameSync(`${file}.new`, file);
  }

  #file(node: number): string {
    return path.join(this.#directory, `skew-${node}`);
  }
}
