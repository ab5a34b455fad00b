// A dry run: an order goes the same way as ever, against a copy of the catalog that is thrown away. What
// would refuse it refuses it, and its answer is what it would have been; no node hears of it.

import {DbError} from '@flotilla/base';
import {type Command, type CommandValue, trialMachine, versionFault} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {WriteRouter} from '@flotilla/router';
import type {CatalogAccess} from './catalog-access.ts';

/** All by which orders have an effect, or wait for one. */
interface Effects {
  readonly access: CatalogAccess;
  readonly meta: Pick<MetaClient, 'propose'>;
  readonly router: Pick<WriteRouter, 'awaitFences'>;
  readonly isTrial?: boolean | undefined;
}

/** Requires that the copy of the catalog is up to date. */
export function trialOf<Deps extends Effects>(deps: Deps): Deps {
  const machine = trialMachine(deps.access.catalog);
  const {catalog} = machine;
  const effects: Effects = {
    isTrial: true,
    access: {catalog, refresh: async () => undefined},
    meta: {
      propose: async <C extends Command>(command: C): Promise<CommandValue<C>> => {
        const fault = versionFault(command, catalog.clusterVersion);
        if (fault !== undefined) throw new DbError('CONFLICT', fault);
        const {result} = machine.apply(command, catalog.version + 1);
        if (result.ok) return result.value;
        const {code, message, details} = result.error;
        throw new DbError(code, message, details);
      },
    },
    router: {awaitFences: async () => []},
  };
  return {...deps, ...effects};
}
