// The HTTP interface of one real node, as its tests speak with it.

import net from 'node:net';
import {ProcessCluster} from '@flotilla/testkit';
import {expect} from 'vitest';

export const T0 = 1_700_000_000;
export const NS = '000000000';

let cluster: ProcessCluster;
export let url: string;

export async function startNode(): Promise<void> {
  cluster = await ProcessCluster.start({nodes: 1});
  url = cluster.node(1).url;
}

export async function stopNode(): Promise<void> {
  await cluster.destroy();
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly details: {
    readonly written?: number;
    readonly rejected?: number;
    readonly lines?: readonly {line: number; code: string; reason: string; text: string}[];
    readonly position?: number;
  };
}

export async function post(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(url + path, {method: 'POST', body, headers});
  return {status: answer.status, text: await answer.text(), headers: answer.headers};
}

export function write(
  query: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return post(`/api/v1/write?${query}`, body, headers);
}

export function sql(
  text: string,
  query = 'db=public',
  accept = 'application/json',
): Promise<Answer> {
  return post(`/api/v1/sql?${query}`, text, {accept});
}

/** Rows of an answer that must be 200. */
export async function rows(text: string, query?: string): Promise<Record<string, unknown>[]> {
  const answer = await sql(text, query);
  expect(answer, text).toMatchObject({status: 200});
  return JSON.parse(answer.text);
}

export function errorOf({text}: Answer): ErrorJson {
  return JSON.parse(text) as ErrorJson;
}

export async function written(query: string, body: string): Promise<void> {
  expect(await write(query, body)).toMatchObject({status: 204, text: ''});
}

/** The head and body of the answer to bytes sent as they are; the connection's end ends it. */
export function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const {port} = cluster.node(1);
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (piece) => {
      answer += piece;
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}
