// What reaches the port and is no request of HTTP: bytes that do not parse, a head that is too large,
// a request that does not come to its end. There is no request to route, so the answer is written by
// hand; its form is that of every other error.

import {STATUS_CODES} from 'node:http';
import type {Socket} from 'node:net';
import {DbError} from '@flotilla/base';
import {errorAnswer} from './error-answer.ts';
import {linger} from './unread-bodies.ts';

/** What HTTP has statuses of its own for; anything else is 400. */
const STATUS_OF: Readonly<Record<string, {status: number; message: string}>> = {
  HPE_HEADER_OVERFLOW: {status: 431, message: 'the head of the request is over 16 KiB'},
  ERR_HTTP_REQUEST_TIMEOUT: {status: 408, message: 'the request did not come to its end in time'},
};

/** What fails before there is a connection by TLS: a stranger, or a client without TLS. */
const NO_GREETING = /^(?:ERR_SSL_|ERR_TLS_|EPROTO)/;

/** The answer that Node is writing on the socket, if any. */
type AnsweringSocket = Socket & {readonly _httpMessage?: {readonly headersSent: boolean} | null};

export interface TextAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function answerNoRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  const isAnswering = (socket as AnsweringSocket)._httpMessage?.headersSent === true;
  // Inside another answer these bytes would be taken for rows; where no greeting of TLS came to its end,
  // nobody could read them.
  const isGreeting = NO_GREETING.test(error.code ?? '');
  if (!socket.writable || error.code === 'ECONNRESET' || isAnswering || isGreeting) {
    socket.destroy();
    return;
  }
  const {status, message} = STATUS_OF[error.code ?? ''] ?? {
    status: 400,
    message: `this is no request of HTTP: ${error.message}`,
  };
  const {headers, body} = errorAnswer(new DbError('INVALID_ARGUMENT', message));
  endUnread(socket, {status, headers, body: `${JSON.stringify(body)}\n`});
}

/** The last answer on a connection. */
function endUnread(socket: Socket, {status, headers, body}: TextAnswer): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  linger(socket);
}
