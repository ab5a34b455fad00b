// The main thread's end of an engine's mailbox: a worker, or an engine in this very thread.

import {type MessagePort, Worker} from 'node:worker_threads';
import type {Clock} from '@flotilla/base';
import {createPinoLog} from '../adapters/index.ts';
import type {FromEngine, ToEngine} from '../engine/messages.ts';
import {ownBytes, type PassedFrame, packFrames, unpackFrames} from './frame-packs.ts';
import {TurnBatch} from './turn-batch.ts';

export interface EngineLink {
  /** Bytes of a frame may be a view of what a socket read: the engine gets its own. */
  post(message: ToEngine, transfer?: readonly (ArrayBuffer | MessagePort)[]): void;
  /** Frees the thread; after 'stopped' or when the process ends. */
  close(): Promise<void>;
}

export interface EngineEvents {
  readonly onMessage: (message: FromEngine) => void;
  /** The thread ended without being asked. */
  readonly onDeath: (cause: Error) => void;
}

export function startWorkerEngine(thread: number, {onMessage, onDeath}: EngineEvents): EngineLink {
  const worker = new Worker(new URL('../engine/engine-thread.ts', import.meta.url), {
    name: `flotilla-engine-${thread}`,
  });
  let isClosed = false;
  const die = (cause: Error): void => {
    if (!isClosed) onDeath(cause);
    isClosed = true;
  };
  const passOn = ({node, channel, frame}: PassedFrame): void =>
    onMessage({type: 'send', to: node, channel, frame});
  worker.on('message', (messages: readonly (FromEngine | Uint8Array)[]) => {
    for (const message of messages)
      if (message instanceof Uint8Array) unpackFrames(message, passOn);
      else onMessage(message);
  });
  worker.on('error', (error) => die(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', (code) => die(new Error(`engine thread ${thread} exited with code ${code}`)));
  const batch = new TurnBatch<ToEngine, ArrayBuffer | MessagePort>((messages, transfer) => {
    const {posted, buffers} = packFrames(messages, receivedFrame);
    worker.postMessage(posted, [...transfer, ...buffers]);
  }, 'poll-end');
  return {
    post: (message, transfer) => batch.add(message, transfer),
    close: async () => {
      isClosed = true;
      await worker.terminate();
    },
  };
}

/**
 * For tests and embedding: no thread, the same messages, each in a turn of its own. The engine, which is most of
 * the program, is loaded into the main thread by this alone.
 */
export function startLocalEngine({onMessage}: EngineEvents, clock: Clock): EngineLink {
  const loaded = import('../engine/engine.ts').then(
    ({Engine}) =>
      new Engine(
        (message) => clock.defer(() => onMessage(message)),
        ({isLogPlain}) => createPinoLog({plain: isLogPlain}),
      ),
  );
  return {
    post: (message) => {
      const own = message.type === 'frame' ? {...message, frame: ownBytes(message.frame)} : message;
      void loaded.then((engine) => clock.defer(() => engine.receive(own)));
    },
    close: async () => undefined,
  };
}

function receivedFrame(message: ToEngine): PassedFrame | undefined {
  if (message.type !== 'frame') return undefined;
  return {node: message.from, channel: message.channel, frame: message.frame};
}
