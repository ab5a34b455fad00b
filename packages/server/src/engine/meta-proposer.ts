// What the write path asks of the meta group: resolves once this thread's copy of the catalog has it.

import type {DatabaseId} from '@flotilla/base';
import type {Command, CommandValue} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {MetaDdl} from '@flotilla/router';
import type {CatalogCopy} from './catalog-copy.ts';

export function metaProposer(
  meta: MetaClient,
  copy: CatalogCopy,
): ConstructorParameters<typeof MetaDdl>[0] {
  return {
    async propose<C extends Command>(command: C, deadlineMs: number): Promise<CommandValue<C>> {
      const value = await meta.propose(command, {deadlineMs});
      await copy.refresh(deadlineMs);
      return value;
    },
    async ensureBucket(database: DatabaseId, timeMs: number, deadlineMs: number): Promise<void> {
      await meta.ensureBucket(database, timeMs, {deadlineMs});
      await copy.refresh(deadlineMs);
    },
    refresh: (deadlineMs) => copy.refresh(deadlineMs),
  };
}
