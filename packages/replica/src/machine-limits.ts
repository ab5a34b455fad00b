// What bounds a replica's machine, and whom it tells what.

import type {TableId} from '@flotilla/base';
import type {IndexBudget} from './index-budget.ts';
import type {MemtableBudget} from './memtable-budget.ts';

export interface MachineLimits {
  /** A memtable of this size is flushed. */
  readonly memtableBytes: number;
  /** With this much in memory nothing is applied until a flush has finished. At least twice the above. */
  readonly memtableBytesMax: number;
  /** Shared by the machines of a thread; past it nothing is applied either. */
  readonly memtables: MemtableBudget;
  /** Likewise; past it leaders take no new series. */
  readonly indexes: IndexBudget;
}

export interface MachineEvents {
  /** A flush or compaction failed, not for a damaged part or what passes: the disk is broken, the store stops. */
  readonly onFault: (error: unknown) => void;
  /** A flush or compaction could not be carried out now: it is begun again. Absent where nobody is told. */
  readonly onPutOff?: ((error: unknown) => void) | undefined;
  /** An entry of the log dropped, recovered or purged the table. Absent where nobody looks after them. */
  readonly onFate?: ((table: TableId) => void) | undefined;
  /** Its series are being read, for a first use or one after long. Absent where nobody measures it. */
  readonly onLoading?: ((loading: Promise<void>) => void) | undefined;
}
