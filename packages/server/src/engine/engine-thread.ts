// The worker's entry: an Engine whose mailbox is the parent port. Bytes that leave are transferred,
// never copied, where they own their buffer.

import {parentPort} from 'node:worker_threads';
import {assert} from '@flotilla/base';
import {createPinoLog} from '../adapters/index.ts';
import {TurnBatch} from '../node/turn-batch.ts';
import {Engine} from './engine.ts';
import type {FromEngine, ToEngine} from './messages.ts';

assert(parentPort !== null, 'engine-thread.ts is the entry of a worker');
const port = parentPort;

const batch = new TurnBatch<FromEngine, ArrayBuffer>((messages, transfer) =>
  port.postMessage(messages, transfer),
);
const engine = new Engine(
  (message) => batch.add(message, transferOf(message)),
  ({thread, isLogPlain}) => createPinoLog({plain: isLogPlain, fields: {thread}}),
);
port.on('message', (messages: readonly ToEngine[]) => {
  for (const message of messages) engine.receive(message);
});

/** The buffer of a message's bytes, if they are all of it and nobody else's (not Buffer's pool). */
function transferOf(message: FromEngine): ArrayBuffer[] {
  const bytes =
    message.type === 'send' ? message.frame : message.type === 'chunk' ? message.bytes : undefined;
  if (bytes === undefined) return [];
  const {buffer} = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength ? [buffer] : [];
}
