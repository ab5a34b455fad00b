// All rows of a table as one node's own replicas have them, and which replicas those were: the answer to a
// stale read names them, in its header and, where that is not all, in its last line.

import {createInterface} from 'node:readline';
import {Readable} from 'node:stream';
import type {Row} from '@flotilla/client';
import {DATABASE} from './load.ts';

interface LastLine {
  readonly answer: {readonly readFrom: readonly {readonly set: number; readonly replica: number}[]};
}

export class ReplicaReads {
  /** `<set>-<replica>`; all of them once the rows have been read. */
  readonly replicas = new Set<string>();
  readonly #url: string;
  readonly #timeoutMs: number;

  constructor(url: string, timeoutMs: number) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
  }

  async *rows(table: string): AsyncGenerator<Row> {
    const path = `/api/v1/sql?db=${DATABASE}&consistency=stale`;
    const answer = await fetch(this.#url + path, {
      method: 'POST',
      headers: {accept: 'application/x-ndjson'},
      body: `SELECT * FROM ${table}`,
      signal: AbortSignal.timeout(this.#timeoutMs),
    });
    if (!answer.ok || answer.body === null) throw new Error(await answer.text());
    this.#name(answer.headers.get('flotilla-read-from') ?? '');
    // The web's streams and Node's are typed apart.
    const input = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]);
    for await (const line of createInterface({input})) {
      const row = JSON.parse(line) as Row | LastLine;
      if (isLastLine(row)) {
        for (const {set, replica} of row.answer.readFrom) this.replicas.add(`${set}-${replica}`);
      } else yield row;
    }
  }

  /** `set=1;replica=2;node=1;applied_index=6, set=..` */
  #name(header: string): void {
    for (const [, set, replica] of header.matchAll(/set=(\d+);replica=(\d+)/g))
      this.replicas.add(`${set}-${replica}`);
  }
}

function isLastLine(row: Row | LastLine): row is LastLine {
  const {answer} = row as {readonly answer?: unknown};
  return typeof answer === 'object' && answer !== null;
}
