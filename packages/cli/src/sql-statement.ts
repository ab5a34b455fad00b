// One SQL statement to the cluster, its answer to stdout as it comes.

import type {QueryFormat} from '@flotilla/client';
import type {Session} from './session.ts';
import {writeOut} from './terminal.ts';

export interface SqlOptions {
  readonly db: string;
  readonly tenant?: string | undefined;
  readonly format: QueryFormat;
  readonly stale: boolean;
}

/** Streams one answer to stdout and ends it with a newline. */
export async function runStatement(
  session: Session,
  work: {options: SqlOptions; statement: string; signal: AbortSignal},
): Promise<void> {
  const {db, tenant, stale} = work.options;
  const format: QueryFormat = session.json ? 'json' : work.options.format;
  const query = {database: db, tenant, stale, signal: work.signal};
  let lastByte = 0x0a;
  for await (const piece of session.client.queryBytes(work.statement, format, query)) {
    await writeOut(session.terminal.stdout, piece);
    lastByte = piece.at(-1) ?? lastByte;
  }
  if (lastByte !== 0x0a) await writeOut(session.terminal.stdout, '\n');
}
