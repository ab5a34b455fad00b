// What tests of commands share: a cluster that answers what the test says, and a terminal.

import {mkdtempSync, rmSync} from 'node:fs';
import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Readable, Writable} from 'node:stream';
import {runCommandLine} from './program.ts';
import type {Terminal} from './terminal.ts';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly authorization?: string;
}
export type Routes = Record<string, (seen: Seen) => unknown>;

export const cleanups: (() => void)[] = [];

/** After each test. */
export function cleanUp(): void {
  for (const cleanup of cleanups.splice(0)) cleanup();
}

export class Refusal {
  readonly status: number;
  readonly body: object;
  constructor(status: number, body: object) {
    this.status = status;
    this.body = body;
  }
}

/** Answers `METHOD /path` from `routes`, in time; a string goes out as it is, a Refusal with its status. */
export async function fakeCluster(routes: Routes): Promise<{
  url: string;
  seen: Seen[];
  keys: string[];
  /** As its process would, were it killed. */
  stop: () => void;
  /** At the same address. */
  start: () => Promise<void>;
}> {
  const seen: Seen[] = [];
  /** Idempotency keys of all requests that had one. */
  const keys: string[] = [];
  const server = http.createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', async () => {
      const {method = '', url = ''} = request;
      const {authorization, 'idempotency-key': key} = request.headers;
      if (key !== undefined) keys.push(String(key));
      const sent = {method, path: url, body: Buffer.concat(pieces).toString()};
      const entry = {...sent, ...(authorization !== undefined && {authorization})};
      seen.push(entry);
      const route = routes[`${method} ${url.split('?')[0]}`];
      const answer =
        route === undefined ? new Refusal(404, {code: 'ROUTE_NOT_FOUND'}) : await route(entry);
      if (answer instanceof Refusal) response.statusCode = answer.status;
      if (answer === undefined) response.statusCode = 204;
      const body = answer instanceof Refusal ? answer.body : answer;
      response.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
    });
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  await listen(0);
  cleanups.push(stop);
  const {port} = server.address() as AddressInfo;
  return {url: `http://127.0.0.1:${port}`, seen, keys, stop, start: () => listen(port)};
}

class Sink extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 80;
  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.text += piece.toString();
    done();
  }
}

interface TerminalOptions {
  readonly url?: string;
  readonly stdin?: string;
  readonly tty?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly onInterrupt?: (stop: () => void) => void;
}

export function terminalOf(options: TerminalOptions = {}) {
  const stdout = new Sink(options.tty ?? false);
  const stderr = new Sink(options.tty ?? false);
  const terminal: Terminal = {
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    stdout,
    stderr,
    env: {FLOTILLA_URL: options.url ?? 'http://127.0.0.1:1', ...options.env},
    onInterrupt(handler) {
      options.onInterrupt?.(handler);
      return () => {};
    },
  };
  return {terminal, stdout, stderr};
}

export async function run(args: string[], options: TerminalOptions = {}) {
  const {terminal, stdout, stderr} = terminalOf(options);
  const code = await runCommandLine(args, terminal);
  return {code, out: stdout.text, err: stderr.text};
}

export function temporaryDirectory(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'flotilla-cli-'));
  cleanups.push(() => rmSync(made, {recursive: true}));
  return made;
}
