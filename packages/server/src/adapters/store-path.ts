// Where a store lies below the root of a node's disk.

import type {StoreId} from '@flotilla/base';

export const STORES = 'stores';

/** As the Disk port wants it. */
export function storePath(store: StoreId): string {
  return `${STORES}/${store}`;
}
