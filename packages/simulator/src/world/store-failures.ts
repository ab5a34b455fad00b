// A store that failed ends the process, as the product's does; what it takes until then the other stores go
// on, of the same thread and of others.

import type {NodeId} from '@flotilla/base';
import type {StoppedListener} from '@flotilla/multiraft';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {Running} from './node-ports.ts';
import type {EngineThread, Threads} from './threads.ts';

/** Of the end of a process that an engine thread asked the main one for. */
const END_MS_MAX = 50;

export interface StoreFailurePorts {
  readonly node: NodeId;
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly coverage: Coverage;
  /** More than its own groups stopped with a store. */
  readonly fail: (message: string) => void;
  readonly onFailure: (reason: string) => void;
}

/** Requires that its hosts are open. */
export function endWhereStoresFail(running: Running, ports: StoreFailurePorts): void {
  const {threads, process} = running;
  const {kernel, chance, coverage, onFailure} = ports;
  const failed = (thread: EngineThread, reason: string): void => {
    if (threads.isAlone) return kernel.defer(() => onFailure(reason), process);
    const before = appliedBeside(threads, reason);
    threads.post(() => {
      process.setTimer(chance.between(0, END_MS_MAX), () => {
        checkOthers(threads, thread, reason, ports);
        coverage.count('stores:failed beside others');
        if (appliedBeside(threads, reason) > before)
          coverage.count('stores:others applied while one had failed');
        onFailure(reason);
      });
    });
  };
  for (const thread of threads.engines) {
    const onStopped: StoppedListener = ({reason, isStore}) => {
      if (isStore) failed(thread, reason);
    };
    thread.host!.onStopped(onStopped);
  }
}

/** Entries that the replicas which the failure did not stop have applied. */
function appliedBeside({engines}: Threads, reason: string): number {
  let sum = 0;
  for (const {host} of engines)
    for (const {stopped, appliedIndex} of host!.statuses())
      if (stopped !== reason) sum += appliedIndex;
  return sum;
}

function checkOthers(
  {engines}: Threads,
  {stores: own}: EngineThread,
  reason: string,
  {node, fail}: StoreFailurePorts,
): void {
  const stopped = new Set<number | undefined>();
  for (const {host} of engines)
    for (const {store, stopped: why} of host!.statuses()) if (why === reason) stopped.add(store);
  const areOwn = [...stopped].every((store) => own.some((one) => one === store));
  if (stopped.size > 1 || !areOwn)
    fail(`stores ${[...stopped].join(', ')} of node ${node} stopped at once: ${reason}`);
}
