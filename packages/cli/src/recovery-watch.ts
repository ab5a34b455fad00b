// Waits until replica sets that were told to go on are led again. The cluster sees to that whether anybody
// waits or not: Ctrl-C, and the end of the patience, only stop looking.

import {setTimeout as sleep} from 'node:timers/promises';
import {Lookout} from './lookout.ts';
import {ProgressBar} from './progress-bar.ts';
import type {Session} from './session.ts';

const POLL_MS = 500;
/** Without one more that is led. A replica goes on once a copy of its state is made: minutes for a large one. */
const PATIENCE_MS = 60_000;

/** Those that are not led yet. */
export async function untilLed(session: Session, sets: readonly number[]): Promise<number[]> {
  const aborter = new AbortController();
  const stopListening = session.terminal.onInterrupt(() => aborter.abort());
  const bar = new ProgressBar(session.terminal.stderr);
  const {signal} = aborter;
  const lookout = new Lookout(session, {signal, bar});
  let unled = [...sets];
  let endMs = performance.now() + PATIENCE_MS;
  try {
    while (unled.length > 0 && performance.now() < endMs) {
      const led = await ledSets(lookout);
      const left = unled.filter((set) => !led.has(set));
      if (left.length < unled.length) endMs = performance.now() + PATIENCE_MS;
      unled = left;
      const count = sets.length - unled.length;
      bar.update(count / sets.length, `${count} of ${sets.length} replica sets are led`);
      if (unled.length > 0) await sleep(POLL_MS, undefined, {signal});
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    lookout.close();
    bar.clear();
    stopListening();
  }
  return unled;
}

async function ledSets(lookout: Lookout): Promise<ReadonlySet<number>> {
  const sets = await lookout.ask(({admin}, options) => admin.replicaSets(options));
  const led = sets.filter(({replicas}) => replicas.some(({leader}) => leader));
  return new Set(led.map(({id}) => Number(id)));
}
