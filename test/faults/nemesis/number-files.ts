// A number for each node's process, in a file that a module reads which is loaded before the node's program:
// so a test does something to a part of a process, and takes it back, while the rest goes on.

import {renameSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

export interface NumberFilesOptions {
  /** Beside this file. */
  readonly module: string;
  /** Of the environment: holds the file's path. */
  readonly variable: string;
}

export class NumberFiles {
  readonly #directory: string;
  readonly #options: NumberFilesOptions;

  constructor(directory: string, options: NumberFilesOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  /** Of the node's process. Nothing is done to it until `set` says otherwise. */
  env(node: number): Readonly<Record<string, string>> {
    this.set(node, 0);
    const {module, variable} = this.#options;
    const url = pathToFileURL(path.join(import.meta.dirname, module)).href;
    return {NODE_OPTIONS: `--import=${url}`, [variable]: this.#file(node)};
  }

  set(node: number, value: number): void {
    const file = this.#file(node);
    writeFileSync(`${file}.new`, String(value));
    renameSync(`${file}.new`, file);
  }

  #file(node: number): string {
    return path.join(this.#directory, `${this.#options.variable}-${node}`);
  }
}

/** Of a process to which several things can be done. */
export function joinEnv(
  ...all: readonly Readonly<Record<string, string>>[]
): Readonly<Record<string, string>> {
  const options = all.map((env) => env['NODE_OPTIONS']).join(' ');
  const variables = all.flatMap((env) => Object.entries(env));
  return {...Object.fromEntries(variables), NODE_OPTIONS: options};
}
