// What happens again and again, by chance, until somebody says that it is over.

import type {Chance} from './chance.ts';
import type {Kernel} from './kernel.ts';

/** @param meanMs between two */
export function repeat(
  {kernel, chance}: {readonly kernel: Kernel; readonly chance: Chance},
  {meanMs, isOver}: {readonly meanMs: number; readonly isOver: () => boolean},
  act: () => void,
): void {
  kernel.after(chance.wait(meanMs), () => {
    if (isOver()) return;
    act();
    repeat({kernel, chance}, {meanMs, isOver}, act);
  });
}
