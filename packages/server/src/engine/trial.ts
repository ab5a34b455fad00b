// A dry run: an order goes the same way as ever, against a copy of the catalog that is thrown away. What
// would refuse it refuses it, and its answer is what it would have been. The meta leader is asked about
// operations, since what forbids one may be known by its reports alone; no other node hears of it.

import {DbError} from '@flotilla/base';
import {
  type Command,
  type CommandValue,
  trialMachine,
  versionFault,
  withoutNewerFields,
} from '@flotilla/catalog';
import type {Deadline, MetaClient} from '@flotilla/meta';
import type {WriteRouter} from '@flotilla/router';
import type {CatalogAccess} from './catalog-access.ts';

/** All by which orders have an effect, or wait for one. */
interface Effects {
  readonly access: CatalogAccess;
  readonly meta: Pick<MetaClient, 'propose'>;
  readonly router: Pick<WriteRouter, 'awaitFences'>;
  readonly isTrial?: boolean | undefined;
}

interface TrialDeps extends Effects {
  readonly plans: Pick<MetaClient, 'mayBegin'>;
}

/** Requires that the copy of the catalog is up to date. */
export function trialOf<Deps extends TrialDeps>(deps: Deps): Deps {
  const machine = trialMachine(deps.access.catalog);
  const {catalog} = machine;
  const effects: Effects = {
    isTrial: true,
    access: {catalog, refresh: async () => undefined},
    meta: {
      propose: async <C extends Command>(
        command: C,
        deadline: Deadline,
      ): Promise<CommandValue<C>> => {
        const fault = versionFault(command, catalog.clusterVersion);
        if (fault !== undefined) throw new DbError('CONFLICT', fault);
        if (command.type === 'create-operation') await deps.plans.mayBegin(command, deadline);
        const fitting = withoutNewerFields(command, catalog.clusterVersion);
        const {result} = machine.apply(fitting, catalog.version + 1);
        if (result.ok) return result.value;
        const {code, message, details} = result.error;
        throw new DbError(code, message, details);
      },
    },
    router: {awaitFences: async () => []},
  };
  return {...deps, ...effects};
}
