// The write side of the catalog: the deterministic state machine of the meta group. It reads no
// clock and draws no numbers; the same commands at the same indexes make the same catalog on every
// member. Each command is applied whole, or answers an error and changes nothing.

import {assert} from '@flotilla/base';
import {Catalog} from '../catalog.ts';
import type {CatalogImage} from '../catalog-image.ts';
import type {Command, CommandResult, CommandType, CommandValue} from '../commands.ts';
import type {CatalogUpdate, Counters} from '../model.ts';
import {alterTable} from './alter-table.ts';
import {setAutomation, setMaintenance} from './automation-commands.ts';
import * as buckets from './bucket-commands.ts';
import * as cluster from './cluster-commands.ts';
import * as databases from './database-commands.ts';
import {Draft, FIRST_COUNTERS, type Handler} from './draft.ts';
import {raiseExpiredBefore} from './expiry-commands.ts';
import * as operations from './operation-commands.ts';
import {setPlacement} from './placement-commands.ts';
import {declareLost, recoverMeta, recoverReplicaSet} from './recovery-commands.ts';
import {beginSkip, endSkip, skipEntry} from './skip-commands.ts';
import * as tables from './table-commands.ts';
import * as tenants from './tenant-commands.ts';
import {createToken, revokeToken} from './token-commands.ts';

const HANDLERS: {readonly [Type in CommandType]: Handler<Extract<Command, {type: Type}>>} = {
  'found-cluster': cluster.foundCluster,
  'register-node': cluster.registerNode,
  'update-node': cluster.updateNode,
  'set-node-state': cluster.setNodeState,
  'set-cluster': cluster.setCluster,
  'finalize-upgrade': cluster.finalizeUpgrade,
  'set-automation': setAutomation,
  'set-maintenance': setMaintenance,
  'create-tenant': tenants.createTenant,
  'alter-tenant': tenants.alterTenant,
  'drop-tenant': tenants.dropTenant,
  'recover-tenant': tenants.recoverTenant,
  'purge-tenant': tenants.purgeTenant,
  'create-database': databases.createDatabase,
  'alter-database': databases.alterDatabase,
  'drop-database': databases.dropDatabase,
  'recover-database': databases.recoverDatabase,
  'purge-database': databases.purgeDatabase,
  'raise-expired-before': raiseExpiredBefore,
  'create-table': tables.createTable,
  'ensure-tables': tables.ensureTables,
  'alter-table': alterTable,
  'drop-table': tables.dropTable,
  'recover-table': tables.recoverTable,
  'purge-table': tables.purgeTable,
  'forget-table': tables.forgetTable,
  'ensure-bucket': buckets.ensureBucket,
  'open-replica-sets': buckets.openReplicaSets,
  'pin-replica-set': buckets.pinReplicaSet,
  'set-replica-set-failover': buckets.setReplicaSetFailover,
  'skip-entry': skipEntry,
  'begin-skip': beginSkip,
  'end-skip': endSkip,
  'replace-replica-set': buckets.replaceReplicaSet,
  'forget-replica-sets': buckets.forgetReplicaSets,
  'drop-bucket': buckets.dropBucket,
  'set-placement': setPlacement,
  'declare-lost': declareLost,
  'recover-meta': recoverMeta,
  'recover-replica-set': recoverReplicaSet,
  'create-operation': operations.createOperation,
  'update-operation': operations.updateOperation,
  'expire-operations': operations.expireOperations,
  'create-token': createToken,
  'revoke-token': revokeToken,
};

export const COMMAND_TYPES = Object.keys(HANDLERS) as readonly CommandType[];

export interface MachineSnapshot {
  readonly counters: Counters;
  readonly catalog: CatalogUpdate;
}

/** As a snapshot; what is applied meanwhile does not change it. */
export interface MachineImage {
  readonly counters: Counters;
  readonly catalog: CatalogImage;
}

/** A snapshot whose catalog was built already, for nobody else. */
interface BuiltSnapshot {
  readonly counters: Counters;
  readonly catalog: Catalog;
}

export interface Applied<Value> {
  /** Empty where the command was refused or changed nothing; the version moves on all the same. */
  readonly update: CatalogUpdate;
  readonly result: CommandResult<Value>;
}

export class CatalogMachine {
  /** The state; only `apply`, `advance` and nobody else change it. */
  readonly catalog: Catalog;
  #counters: Counters;

  constructor(snapshot?: MachineSnapshot | BuiltSnapshot) {
    const catalog = snapshot?.catalog ?? new Catalog();
    this.catalog = catalog instanceof Catalog ? catalog : Catalog.fromSnapshot(catalog);
    // A snapshot of an older build lacks those of kinds that it did not know.
    this.#counters = {...FIRST_COUNTERS, ...snapshot?.counters};
  }

  /** As by the constructor, in steps: a large one takes long. */
  static *building({counters, catalog}: MachineSnapshot): Generator<undefined, CatalogMachine> {
    return new CatalogMachine({counters, catalog: yield* Catalog.building(catalog)});
  }

  /** Requires that `index` is above the version. */
  apply<C extends Command>(command: C, index: number): Applied<CommandValue<C>> {
    assert(index > this.catalog.version, () => `command at ${index} after ${this.catalog.version}`);
    const draft = new Draft(this.catalog, this.#counters, index);
    // The table pairs each type with its handler; TypeScript cannot follow that through the union.
    const handler = HANDLERS[command.type] as unknown as Handler<C>;
    const result = handler(draft, command);
    const update = {version: index, changes: result.ok ? draft.changes : []};
    if (result.ok) this.#counters = draft.counters;
    this.catalog.applyUpdate(update);
    return {update, result};
  }

  /** An entry without a command passed at `index`. */
  advance(index: number): CatalogUpdate {
    const update = {version: index, changes: []};
    this.catalog.applyUpdate(update);
    return update;
  }

  snapshot(): MachineSnapshot {
    return {counters: this.#counters, catalog: this.catalog.snapshot()};
  }

  image(): MachineImage {
    return {counters: this.#counters, catalog: this.catalog.image()};
  }
}
