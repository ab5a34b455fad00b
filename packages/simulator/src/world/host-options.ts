// What the host of a simulated engine thread is opened with: the process's ports, and registers where it runs
// no program.

import type {Channel, Disk, NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {DurablePoint, Host} from '@flotilla/multiraft';
import {EMPTY_CONFIGURATION} from '@flotilla/raft';
import {vitalsOf} from '@flotilla/server/engine-parts';
import {RegisterMachine} from '../workload/register-machine.ts';
import type {SimNode} from './node.ts';
import type {NodePorts, Running} from './node-ports.ts';
import type {EngineThread} from './threads.ts';

const EMPTY: DurablePoint = {index: 0, term: 0, configuration: EMPTY_CONFIGURATION};

export function hostOptions(
  simulated: SimNode,
  ports: NodePorts,
  {endpoint, program, threads}: Running,
  thread: EngineThread,
): Parameters<typeof Host.open>[0] {
  const {network, chance, timing, limits, observer, locate} = ports;
  const {id: node, bootEpoch} = simulated;
  const {index, process, disk, vitals} = thread;
  const own = program?.threads[index];
  const send = (...frame: [to: NodeId, channel: Channel, frame: Uint8Array]): boolean => {
    if (threads.isAlone) return network.send(endpoint, ...frame);
    threads.post(() => network.send(endpoint, ...frame));
    return true;
  };
  return {
    node,
    thread: index,
    bootEpoch,
    clock: process,
    random: chance,
    transport: {send},
    stores: thread.stores.map((store) => ({store, disk, path: `store-${store}`})),
    storeOf: own?.storeOf,
    timing,
    limits,
    awaitsVouching: true,
    damagedLog: 'replace' as const,
    observer: observer(node),
    locate: own?.locate ?? locate,
    onReopened: ({set}) => own?.reopened(set),
    onTick: threads.isAlone ? undefined : () => vitals.tell(vitalsOf(thread.host!, process)),
    openStateMachine:
      own?.openStateMachine ??
      (async ({set, replica, founding}) =>
        openRegister(simulated, ports, {set, replica, disk, founding})),
  };
}

/** What it keeps is its node's, and no dead process's to change. */
function openRegister(
  node: SimNode,
  ports: NodePorts,
  opened: {
    readonly set: ReplicaSetId;
    readonly replica: ReplicaId;
    readonly disk: Disk;
    readonly founding: DurablePoint | undefined;
  },
): RegisterMachine {
  const {set, replica, disk, founding = EMPTY} = opened;
  const {running} = node;
  const key = `${set}/${replica}`;
  const sync = (): Promise<void> => disk.syncDirectory('');
  return new RegisterMachine(founding, {
    disk,
    load: () => node.kept.get(key),
    save: async (state) => {
      await sync();
      if (node.running !== running) return;
      const before = node.kept.get(key);
      if (before === undefined || before.point.index <= state.point.index)
        node.kept.set(key, state);
    },
    remove: () => {
      if (node.running === running) node.kept.delete(key);
    },
    onApplied: ports.onApplied(set, replica),
  });
}
