// A wait on the Clock port that ends early when the client goes away.

import {type Clock, DbError} from '@flotilla/base';

/** Rejects with CANCELLED when `signal` is, or becomes, aborted. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      timer.cancel();
      reject(new DbError('CANCELLED', 'the client went away'));
    };
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', cancel);
      resolve();
    });
    signal?.addEventListener('abort', cancel, {once: true});
    if (signal?.aborted === true) cancel();
  });
}
