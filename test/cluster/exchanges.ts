// Requests that clients send and the answers that they get, as data files: `exchanges/*.json`.

import {readdirSync, readFileSync} from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import zlib from 'node:zlib';

const DIRECTORY = path.join(import.meta.dirname, 'exchanges');

interface ExchangeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Lines; compressed as `content-encoding` says. */
  readonly body: readonly string[];
}

/** Null for a header that must not be there. */
type Headers = Readonly<Record<string, string | null>>;

export interface Exchange {
  readonly name: string;
  readonly request: ExchangeRequest;
  /** While all is well: exactly this. */
  readonly well: {readonly status: number; readonly headers: Headers; readonly body: string};
  /** While the replica sets have no majority: one of the statuses, and a body that matches. */
  readonly noMajority: {
    readonly status: readonly number[];
    readonly headers: Headers;
    readonly body: string;
  };
  /** What a query finds afterwards, however often it was sent. */
  readonly kept?: {readonly sql: string; readonly rows: readonly unknown[]};
}

export interface ClientExchanges {
  readonly client: string;
  readonly database: string;
  readonly exchanges: readonly Exchange[];
}

export function readExchanges(): ClientExchanges[] {
  return readdirSync(DIRECTORY)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(path.join(DIRECTORY, name), 'utf8')));
}

export interface Answered {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly ms: number;
}

/** With these headers and no others but Host, and Content-Length where the body is not chunked. */
export function send(url: string, {method, path: target, ...rest}: ExchangeRequest) {
  const text = rest.body.map((line) => `${line}\n`).join('');
  const isForm = rest.headers['content-type']?.endsWith('urlencoded') === true;
  const plain = Buffer.from(isForm ? text.trimEnd() : text);
  const body = rest.headers['content-encoding'] === 'gzip' ? zlib.gzipSync(plain) : plain;
  const headers: Record<string, string> = {...rest.headers};
  if (body.length > 0 && headers['transfer-encoding'] === undefined)
    headers['content-length'] = String(body.length);
  const startMs = performance.now();
  return new Promise<Answered>((resolve, reject) => {
    const request = http.request(`${url}${target}`, {method, headers, agent: false}, (response) => {
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (piece) => {
        answer += piece;
      });
      response.once('error', reject);
      response.once('end', () => {
        const {statusCode, headers: got} = response;
        const ms = performance.now() - startMs;
        resolve({status: statusCode!, headers: got, body: answer, ms});
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}
