// Answers to requests whose body is not read to its end: a refusal before the body, or in its middle.
// A connection that is closed while bytes of its client are unread is reset, and a reset makes the
// client's system throw the answer away. So what still comes is read and dropped for a while, as nginx
// does (its lingering close): until nothing more comes, the client ends its side, or its time is up. All
// connections together drop so many bytes a second, for reading takes the main thread's time, and with
// it that of all messages between nodes; the others wait by TCP's own window.

import type {Socket} from 'node:net';
import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';

/** A shorter rest is read by Node.js, and the connection goes on. */
const SHORT_BYTES_MAX = 64 * 1024;
/** Nothing more comes, it seems: the client has sent all of it, or reads the answer. */
const SILENCE_MS = 1_000;
/** 16 MiB at 30 Mbit/s. */
const LINGER_MS_MAX = 5_000;
const WINDOW_MS = 100;
/** 64 MiB a second: reading them takes some 3 % of the main thread. */
const WINDOW_BYTES_MAX = 6.4 * 1024 * 1024;

interface Lingering {
  readonly untilMs: number;
  heardMs: number;
}

const lingering = new Map<Socket, Lingering>();
let windowBytes = 0;
let look: NodeJS.Timeout | undefined;

/** Before routes are added. */
export function attachUnreadBodies(app: FastifyInstance): void {
  // Leave to send a body comes when it is wanted, not with the head: who is refused before sends none.
  app.server.on('checkContinue', (request, response) =>
    app.server.emit('request', request, response),
  );
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (waitsForLeave(request)) reply.raw.writeContinue();
    done(null, payload);
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (!request.raw.complete) endConnection(request, reply);
    done(null, payload);
  });
}

function endConnection(request: FastifyRequest, reply: FastifyReply): void {
  const {headers, raw} = request;
  const rest = headers['transfer-encoding'] === undefined ? headers['content-length'] : Infinity;
  const isLong = Number(rest ?? 0) > SHORT_BYTES_MAX;
  if (!isLong && !waitsForLeave(request)) return;
  reply.header('connection', 'close');
  const {socket} = raw;
  // What Node.js calls once the last answer of a connection has been written.
  socket.destroySoon = () => {
    socket.end();
    linger(socket);
  };
}

function waitsForLeave({headers}: FastifyRequest): boolean {
  return headers.expect?.toLowerCase() === '100-continue';
}

/** Requires that the last byte for the client is written or under way; the connection is closed later. */
export function linger(socket: Socket): void {
  if (socket.destroyed || lingering.has(socket)) return;
  const nowMs = performance.now();
  lingering.set(socket, {untilMs: nowMs + LINGER_MS_MAX, heardMs: nowMs});
  // No more of it is parsed: a request behind this one has no answer to expect.
  socket.removeAllListeners('data');
  socket.on('data', (bytes: Buffer) => {
    windowBytes += bytes.length;
    lingering.get(socket)!.heardMs = performance.now();
    if (windowBytes >= WINDOW_BYTES_MAX) socket.pause();
  });
  socket.once('end', () => socket.destroy());
  socket.once('close', () => {
    lingering.delete(socket);
    if (lingering.size > 0) return;
    clearInterval(look);
    look = undefined;
  });
  socket.resume();
  look ??= setInterval(endWindow, WINDOW_MS);
}

function endWindow(): void {
  const nowMs = performance.now();
  windowBytes = 0;
  for (const [socket, state] of lingering) {
    if (socket.isPaused()) state.heardMs = nowMs;
    if (nowMs >= state.untilMs || nowMs - state.heardMs >= SILENCE_MS) socket.destroy();
    else socket.resume();
  }
}
