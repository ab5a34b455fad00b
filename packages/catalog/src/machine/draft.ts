// What one command would change: collected beside the state and applied only if the command
// succeeds, so that apply does all or nothing.

import type {ErrorCode, ErrorDetails} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Command, CommandResult, CommandValue} from '../commands.ts';
import type {CatalogChange, Counters, Entities, EntityKind} from '../model.ts';

export const FIRST_COUNTERS: Counters = {
  node: 1,
  tenant: 1,
  database: 1,
  table: 1,
  bucket: 1,
  replicaSet: 1,
  replica: 1,
  operation: 1,
  token: 1,
};

export class Draft {
  /** As it is before the command. */
  readonly catalog: Catalog;
  /** The version that the command makes. */
  readonly version: number;
  readonly changes: CatalogChange[] = [];
  #counters: Counters;

  constructor(catalog: Catalog, counters: Counters, version: number) {
    this.catalog = catalog;
    this.#counters = counters;
    this.version = version;
  }

  get counters(): Counters {
    return this.#counters;
  }

  nextId<Id extends number>(kind: keyof Counters): Id {
    const id = this.#counters[kind];
    this.#counters = {...this.#counters, [kind]: id + 1};
    return id as Id;
  }

  put<Kind extends EntityKind>(kind: Kind, id: number, value: Entities[Kind]): void {
    this.changes.push({kind, id, value} as CatalogChange);
  }

  remove(kind: EntityKind, id: number): void {
    this.changes.push({kind, id} as CatalogChange);
  }
}

export type Handler<C extends Command> = (
  draft: Draft,
  command: C,
) => CommandResult<CommandValue<C>>;

export function succeed<Value>(value: Value): CommandResult<Value> {
  return {ok: true, value};
}

export function refuse(
  code: ErrorCode,
  message: string,
  details: ErrorDetails = {},
): CommandResult<never> {
  return {ok: false, error: {code, message, details}};
}

export const NOTHING: Readonly<Record<string, never>> = {};
