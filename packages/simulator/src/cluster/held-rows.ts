// Rows that are looked for over a loss: what was acknowledged, and what the survivors' replicas hold of it.

import {ReplicaMachine} from '@flotilla/replica';
import type {SimNode} from '../world/node.ts';
import {engineOf} from './clients.ts';
import type {Patience} from './patience.ts';
import {find, type Register} from './registers.ts';
import {rowAt} from './row-read.ts';

export interface Row {
  readonly register: Register;
  readonly value: number;
}

/** What the nodes' replicas have applied of these, where that is known, by set and replica. */
export async function heldRows(
  nodes: readonly SimNode[],
  rows: readonly Row[],
  patience: Patience,
): Promise<Map<string, readonly Row[]>> {
  const held = new Map<string, readonly Row[]>();
  for (const node of nodes) {
    const {host, copy} = engineOf(node)!.parts!;
    for (const {set, replica} of host.statuses()) {
      const machine = host.stateMachine(set);
      if (!(machine instanceof ReplicaMachine)) continue;
      const own: Row[] = [];
      for (const row of rows) {
        const found = find(copy.catalog, row.register);
        if (found?.set !== set) continue;
        const reading = rowAt(machine, found.address);
        await patience.ends('a row is read', reading);
        if ((await reading) === row.value) own.push(row);
      }
      held.set(`${set}/${replica}`, own);
    }
  }
  return held;
}
