// The worker's entry: an Engine whose mailbox is the parent port. Bytes that leave are transferred,
// never copied, where they own their buffer.

import {parentPort} from 'node:worker_threads';
import {assert} from '@flotilla/base';
import {createPinoLog} from '../adapters/pino-log.ts';
import {ownsBuffer, type PassedFrame, packFrames, unpackFrames} from '../node/frame-packs.ts';
import {TurnBatch} from '../node/turn-batch.ts';
import {Engine} from './engine.ts';
import type {FromEngine, ToEngine} from './messages.ts';

assert(parentPort !== null, 'engine-thread.ts is the entry of a worker');
const port = parentPort;

const batch = new TurnBatch<FromEngine, ArrayBuffer>((messages) => {
  const {posted, buffers} = packFrames(messages, sentFrame);
  for (const message of messages)
    if (message.type === 'chunk' && ownsBuffer(message.bytes)) buffers.push(message.bytes.buffer);
  port.postMessage(posted, buffers);
});
const engine = new Engine(
  (message) => batch.add(message),
  ({thread, isLogPlain}) => createPinoLog({plain: isLogPlain, fields: {thread}}),
);
const take = ({node, channel, frame}: PassedFrame): void =>
  engine.receive({type: 'frame', from: node, channel, frame});
port.on('message', (messages: readonly (ToEngine | Uint8Array)[]) => {
  for (const message of messages)
    if (message instanceof Uint8Array) unpackFrames(message, take);
    else engine.receive(message);
});

function sentFrame(message: FromEngine): PassedFrame | undefined {
  if (message.type !== 'send') return undefined;
  return {node: message.to, channel: message.channel, frame: message.frame};
}
