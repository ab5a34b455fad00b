// One HTTP request and its answer over node:http with a keep-alive agent. Knows nothing of retries:
// it only says, where no answer came, whether the request can have reached the node.

import http from 'node:http';
import https from 'node:https';
import type {Readable} from 'node:stream';
import {FlotillaError} from './errors.ts';

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Node's base URL, no slash at the end. */
  readonly url: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** Longest time without progress of the upload or, once that is done, until the answer's head. */
  readonly silenceMsMax: number;
  /** Longest time until the node takes a connection; without it, as long as the silence. */
  readonly connectMsMax?: number | undefined;
  /** A connection of its own: none that the node may just be closing. For what must not be repeated. */
  readonly fresh?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Readable;
}

/** For nodes that are named with https. Each is PEM. */
export interface TlsOptions {
  /** Authorities whose nodes are trusted, instead of those of the system. */
  readonly ca?: string | Buffer | undefined;
  /** This client's own certificate, where nodes ask for one. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
}

/** Owns the connections of one client. */
export class Connections {
  readonly #http: http.Agent;
  readonly #https: https.Agent;
  readonly #tls: TlsOptions;

  constructor(connectionsMax: number, tls: TlsOptions = {}) {
    // Idle sockets are kept for less than the 72 s after which fastify closes them.
    const options = {
      keepAlive: true,
      maxSockets: connectionsMax,
      maxFreeSockets: connectionsMax,
      timeout: 60_000,
    };
    this.#http = new http.Agent(options);
    this.#https = new https.Agent({...options, ...tls});
    this.#tls = tls;
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /** Resolves with the head of the answer, whatever its status; rejects with a NoAnswerCode. */
  exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    const target = new URL(request.url + request.path);
    const isTls = target.protocol === 'https:';
    const agent = request.fresh === true ? false : isTls ? this.#https : this.#http;
    const headers: Record<string, string | number> = {...request.headers};
    if (request.method !== 'GET') headers['content-length'] = request.body?.byteLength ?? 0;
    const tls = isTls ? this.#tls : {};
    const options = {method: request.method, headers, agent, signal: request.signal, ...tls};
    return new Promise((resolve, reject) => {
      const outgoing = (isTls ? https : http).request(target, options);
      const silence = watchSilence(outgoing, request);
      outgoing.once('response', (incoming) => {
        silence.stop();
        resolve({status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming});
      });
      outgoing.once('error', (cause) => {
        silence.stop();
        reject(noAnswer(cause, {request, isSilent: silence.isSilent, isSent: silence.isSent}));
      });
      outgoing.end(request.body);
    });
  }
}

interface Silence {
  isSilent: boolean;
  /** Some byte may have reached the node. */
  isSent: boolean;
  stop(): void;
}

/** Looks in one allowance of silence: how late, as a share of it, a silence is noticed. */
const LOOKS = 4;

/** Destroys the request once nothing moved for so long: a frozen node accepts and never answers. */
function watchSilence(
  outgoing: http.ClientRequest,
  {silenceMsMax, connectMsMax}: Pick<ExchangeRequest, 'silenceMsMax' | 'connectMsMax'>,
): Silence {
  let sentBytes = 0;
  let silentLooks = 0;
  let connecting: NodeJS.Timeout | undefined;
  const giveUp = (message: string): void => {
    silence.isSilent = true;
    outgoing.destroy(new Error(message));
  };
  const timer = setInterval(() => {
    const socket = outgoing.socket;
    const nowSentBytes = socket === null ? 0 : socket.bytesWritten - socket.writableLength;
    silentLooks = nowSentBytes > sentBytes ? 0 : silentLooks + 1;
    sentBytes = nowSentBytes;
    if (silentLooks === LOOKS) giveUp(`no answer within ${Math.round(silenceMsMax)} ms`);
  }, silenceMsMax / LOOKS);
  const silence: Silence = {
    isSilent: false,
    isSent: false,
    stop: () => {
      clearInterval(timer);
      clearTimeout(connecting);
    },
  };
  outgoing.once('socket', (socket) => {
    // A kept connection counts its earlier requests too.
    sentBytes = socket.bytesWritten - socket.writableLength;
    if (!socket.connecting) {
      silence.isSent = true;
      return;
    }
    if (connectMsMax !== undefined) {
      const message = `no connection within ${Math.round(connectMsMax)} ms`;
      connecting = setTimeout(() => giveUp(message), connectMsMax);
    }
    socket.once('connect', () => {
      clearTimeout(connecting);
      silence.isSent = true;
    });
  });
  return silence;
}

function noAnswer(
  cause: Error,
  context: {request: ExchangeRequest; isSilent: boolean; isSent: boolean},
): Error {
  const {request, isSilent, isSent} = context;
  if (request.signal?.aborted === true) return cause;
  // The parser's own errors: whoever listens there speaks something else, as a node's gRPC port does.
  if ((cause as NodeJS.ErrnoException).code?.startsWith('HPE_') === true) {
    const {url} = request;
    return new FlotillaError(`${url} answers, but not in HTTP`, {code: 'NOT_HTTP', url, cause});
  }
  const refusal = tlsFault(cause);
  if (refusal !== undefined) {
    const {url} = request;
    const message = `cannot connect to ${url} by TLS: ${refusal}`;
    const details = {tls: refusal};
    return new FlotillaError(message, {code: 'CONNECTION_FAILED', details, url, cause});
  }
  if (!isSent) return notConnected(cause, request);
  const reason = cause.message || ((cause as NodeJS.ErrnoException).code ?? 'unknown');
  return new FlotillaError(`cannot get an answer from ${request.url}: ${reason}`, {
    code: isSilent ? 'TIMEOUT' : 'CONNECTION_LOST',
    url: request.url,
    cause,
  });
}

/** What the system's words for it mean to who named the node. */
const NOT_CONNECTED: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no host has that name',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  EHOSTUNREACH: 'no way leads to that host',
  ENETUNREACH: 'no way leads to that host',
  ETIMEDOUT: 'no connection within the time of the system',
};

function notConnected(cause: NodeJS.ErrnoException, {url}: ExchangeRequest): FlotillaError {
  const {code: errno, message} = cause;
  const words = errno === undefined ? undefined : NOT_CONNECTED[errno];
  const reason = words === undefined ? message || (errno ?? 'unknown') : `${words} (${errno})`;
  return new FlotillaError(`cannot connect to ${url}: ${reason}`, {
    code: 'CONNECTION_FAILED',
    details: errno === undefined ? {} : {errno},
    url,
    cause,
  });
}

/** Failures of the greeting, before which no request is read: it cannot have had an effect. */
const TLS_FAULT =
  /^(?:ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_PURPOSE$)/;

/** In OpenSSL's words, which are all that an EPROTO has: `..:SSL routines:where:wrong version number:..`. */
const TLS_REASON = /:SSL routines:[^:]*:([^:]+):/;

/** Why no connection by TLS came about, and what to do; undefined for any other failure. */
function tlsFault(cause: NodeJS.ErrnoException): string | undefined {
  const {code = '', message} = cause;
  if (!TLS_FAULT.test(code)) return undefined;
  const reason = TLS_REASON.exec(message)?.[1] ?? (message || code);
  const words = `${code} ${reason}`.replaceAll('_', ' ').toLowerCase();
  if (/wrong version number|packet length too long/.test(words))
    return 'it speaks plain HTTP there: name it with http://';
  if (/certificate required|handshake failure|bad certificate/.test(words))
    return 'it wants a certificate of its authority: give one with its key';
  if (/UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_/.test(code))
    return `its certificate is not of an authority that is trusted here (${code}): name that authority`;
  return reason;
}

export interface BodyOptions {
  readonly url: string;
  readonly silenceMsMax: number;
  /** The one of the request: why the body ends early, if it does. */
  readonly signal?: AbortSignal | undefined;
}

/** The rest of a body. A pause of the sender longer than `silenceMsMax` is an error; one of the reader is not. */
export async function* readBody(
  answer: ExchangeAnswer,
  options: BodyOptions,
): AsyncGenerator<Buffer> {
  const {url, silenceMsMax, signal} = options;
  const iterator = answer.body[Symbol.asyncIterator]();
  try {
    while (true) {
      const timer = setTimeout(() => {
        answer.body.destroy(
          new FlotillaError(`${url} stopped in the middle of its answer`, {code: 'TIMEOUT', url}),
        );
      }, silenceMsMax);
      const next = await iterator.next().finally(() => clearTimeout(timer));
      if (next.done === true) return;
      yield next.value as Buffer;
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (error instanceof FlotillaError) throw error;
    throw new FlotillaError(`${url} broke the connection in the middle of its answer`, {
      code: 'CONNECTION_LOST',
      url,
      cause: error,
    });
  } finally {
    answer.body.destroy(); // A reader that leaves early cancels the query on the node.
  }
}

export async function readText(answer: ExchangeAnswer, options: BodyOptions): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of readBody(answer, options)) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}
