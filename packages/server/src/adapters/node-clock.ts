// Clock on Node's timers. Time in waits comes from the monotonic clock alone, so that a step of the
// wall clock (NTP, an operator) never lengthens or shortens one.

import type {Clock, Timer} from '@flotilla/base';

export class NodeClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const handle = setTimeout(callback, delayMs);
    return {cancel: () => clearTimeout(handle)};
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}
