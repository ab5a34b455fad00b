// Clock on Node's timers. Time in waits comes from the monotonic clock alone, so that a step of the
// wall clock (NTP, an operator) never lengthens or shortens one.

import type {Clock, Timer} from '@flotilla/base';

/** Node takes a longer delay for none at all. 24 days: no wait of ours. */
const TIMER_MS_MAX = 0x7fff_ffff;

export class NodeClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    // Not performance.now(): that counts from the start of each thread, and deadlines cross threads.
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const handle = setTimeout(callback, Math.min(delayMs, TIMER_MS_MAX));
    // Named, not written as a property's value: V8 has those old from the start, with all that they hold.
    const cancel = (): void => clearTimeout(handle);
    return {cancel};
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}
