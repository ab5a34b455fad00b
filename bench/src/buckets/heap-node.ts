// A node in a process of its own that tells what is in its memory once garbage is collected. Run with
// `--expose-gc`; without engine threads, whose heaps nobody could collect from here.

import {setTimeout as sleep} from 'node:timers/promises';
import {type StartNodeOptions, startNode} from '@flotilla/server';

/** What the main process says. */
export type ToHeapNode = 'measure' | 'stop';

/** Of the process: its objects, and the bytes of typed arrays beside them. */
export interface HeapFigures {
  readonly heapBytes: number;
  readonly bufferBytes: number;
}

/** What a collection finds free may hold up more. */
const COLLECTIONS = 4;
const PAUSE_MS = 200;

async function measure(): Promise<HeapFigures> {
  for (let i = 0; i < COLLECTIONS; i++) {
    globalThis.gc!();
    await sleep(PAUSE_MS);
  }
  const {heapUsed: heapBytes, arrayBuffers: bufferBytes} = process.memoryUsage();
  return {heapBytes, bufferBytes};
}

const options = JSON.parse(process.argv[2]!) as StartNodeOptions;
const node = await startNode({...options, engineThreads: 0, log: 'json'});
process.on('message', (said: ToHeapNode) => {
  if (said === 'stop') void node.stop().then(() => process.exit());
  else void measure().then((figures) => process.send!(figures));
});
