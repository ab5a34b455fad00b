// What those have in common who order something of the cluster.

import type {Command} from '@flotilla/catalog';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';

export interface OrderPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly coverage: Coverage;
  /** Through any node that is up; counted by its name, and by what comes of it. */
  readonly order: (command: Command, what: string) => void;
  /** What all clocks would show if none was wrong. */
  readonly wallMs: () => number;
  readonly fail: (law: string, message: string) => void;
}
