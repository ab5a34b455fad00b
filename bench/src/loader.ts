// Sends the bodies of a file to a target over a few connections, each waiting for its answer before
// the next body, as TSBS's loader does. Runs in the harness: its CPU is not the target's. Not the
// project's client: all targets are measured by one loader, and bodies that lie ready need no batching.

import http from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Body, BodyFile} from './body-file.ts';
import {keepAliveAgent} from './keep-alive-agent.ts';

/** A body that is refused for so long fails the run. */
const REFUSED_MS_MAX = 60_000;
const BACKOFF_MS = 100;
/** Statuses that say "later". */
const LATER_STATUSES: readonly number[] = [429, 503, 504];

export interface LoadOptions {
  /** Write URLs; connections are spread over them in turn. */
  readonly urls: readonly string[];
  readonly connections: number;
  /** Numbers of the bodies, [start, end); all of them when absent. */
  readonly bodies?: {readonly start: number; readonly end: number} | undefined;
  /** That say "later" too. */
  readonly laterStatuses?: readonly number[] | undefined;
}

export interface LoadResult {
  /** From the first byte sent to the last acknowledgement. */
  readonly seconds: number;
  /** Bodies that had to be sent again. */
  readonly repeats: number;
}

export async function load(file: BodyFile, options: LoadOptions): Promise<LoadResult> {
  const agent = keepAliveAgent({maxSockets: options.connections});
  const {start, end} = options.bodies ?? {start: 0, end: file.bodies.length};
  const run = {next: start, repeats: 0};
  const later = new Set([...LATER_STATUSES, ...(options.laterStatuses ?? [])]);
  const connections = Array.from({length: options.connections}, (_, i) => i);
  const startMs = performance.now();
  try {
    await Promise.all(
      connections.map(async (connection) => {
        const buffer = Buffer.allocUnsafe(file.bytesMax);
        // Round robin over the nodes, each connection beginning at another one.
        for (let turn = connection; run.next < end; turn++) {
          const index = run.next++;
          const bytes = await file.read(file.bodies[index] as Body, buffer);
          const url = options.urls[turn % options.urls.length]!;
          run.repeats += await sendUntilTaken({
            url,
            bytes,
            agent,
            isGzip: file.isGzip,
            index,
            later,
          });
        }
      }),
    );
  } finally {
    agent.destroy();
  }
  return {seconds: (performance.now() - startMs) / 1000, repeats: run.repeats};
}

interface Send {
  readonly url: string;
  readonly bytes: Buffer;
  readonly agent: http.Agent;
  readonly isGzip: boolean;
  readonly index: number;
  readonly later: ReadonlySet<number>;
}

/** Returns how many times the target said "later". */
async function sendUntilTaken(send: Send): Promise<number> {
  const deadlineMs = performance.now() + REFUSED_MS_MAX;
  for (let repeats = 0; ; repeats++) {
    const {status, body} = await post(send);
    if (status === 204) return repeats;
    if (!send.later.has(status) || performance.now() > deadlineMs) {
      throw new Error(`${send.url} answered ${status}: ${body.slice(0, 300)}`);
    }
    await sleep(BACKOFF_MS);
  }
}

function post(send: Send): Promise<{status: number; body: string}> {
  const {url, bytes, agent, isGzip, index} = send;
  const headers: http.OutgoingHttpHeaders = {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': bytes.length,
    'idempotency-key': `bench-${index}`, // Sent again it is applied once, where that is known.
    ...(isGzip ? {'content-encoding': 'gzip'} : {}),
  };
  return new Promise((resolve, reject) => {
    const request = http.request(url, {method: 'POST', agent, headers}, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        body += piece;
      });
      response.once('end', () => resolve({status: response.statusCode ?? 0, body}));
      response.once('error', reject);
    });
    request.once('error', reject);
    request.end(bytes);
  });
}
