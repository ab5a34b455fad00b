// The main thread's side of the background worker: starts it, hands a MessagePort to each thread
// that needs it, and reports its death, once. The owner then ends the process: a store whose
// manifest cannot be committed may not go on.

import {MessageChannel, type MessagePort, Worker} from 'node:worker_threads';

export interface BackgroundWorkerOptions {
  /** The data directory; manifests live in `stores/<store>/manifest.sqlite` below it. */
  readonly directory: string;
  /** Called at most once, never after `stop`. */
  readonly onDeath: (cause: Error) => void;
}

export class BackgroundWorker {
  readonly #worker: Worker;
  #ended = false;

  constructor({directory, onDeath}: BackgroundWorkerOptions) {
    this.#worker = new Worker(new URL('./background-thread.ts', import.meta.url), {
      name: 'flotilla-background',
      workerData: {directory},
    });
    const die = (cause: Error) => {
      if (this.#ended) return;
      this.#ended = true;
      onDeath(cause);
    };
    this.#worker.on('error', (error) =>
      die(error instanceof Error ? error : new Error(String(error))),
    );
    this.#worker.on('exit', (code) => die(new Error(`background worker exited with code ${code}`)));
  }

  /** A port for one thread's BackgroundClient; pass it to an engine thread in its transfer list. */
  connect(): MessagePort {
    const {port1, port2} = new MessageChannel();
    this.#worker.postMessage(port2, [port2]);
    return port1;
  }

  /** Last, after every thread has closed its manifests. */
  async stop(): Promise<void> {
    this.#ended = true;
    await this.#worker.terminate();
  }
}
