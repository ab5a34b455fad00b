// What can be asked of tenants, databases and tables. See commands.ts.

import type {DatabaseId, TableId, TenantId} from '@flotilla/base';
import type {Column, ColumnType, DatabaseOptions, FailoverMode} from './model.ts';

/** Options as given; what is absent keeps its default or its present value. */
export interface OptionChanges {
  /** null: rows are kept for ever. */
  readonly ttlMs?: number | null | undefined;
  readonly bucketDurationMs?: number | undefined;
  readonly shards?: number | 'auto' | undefined;
  readonly replicas?: number | undefined;
  readonly precision?: DatabaseOptions['precision'] | undefined;
  readonly failover?: FailoverMode | undefined;
  /** null: no bound. */
  readonly maxSeries?: number | null | undefined;
}

export interface FieldRequest {
  readonly name: string;
  readonly type: ColumnType;
}

/** Columns that a write needs; absent ones are created. */
export interface TableRequest {
  readonly name: string;
  readonly tags: readonly string[];
  readonly fields: readonly FieldRequest[];
}

export interface CreateTenant {
  readonly type: 'create-tenant';
  readonly name: string;
  readonly comment?: string | undefined;
  readonly ifNotExists?: boolean | undefined;
}
export interface AlterTenant {
  readonly type: 'alter-tenant';
  readonly name: string;
  /** '' takes it away. */
  readonly comment: string;
}
/** Requires that it holds no database but dropped ones. */
export interface DropTenant {
  readonly type: 'drop-tenant';
  readonly name: string;
  readonly ifExists?: boolean | undefined;
  /** Absent in older logs: it goes at once. */
  readonly atMs?: number | undefined;
  /** Where it is not later than atMs, its dropped databases go at once too. */
  readonly purgeAtMs?: number | undefined;
  /** Where there is none of that name, those in the trash are purged no later than said. */
  readonly orTrash?: boolean | undefined;
}
/** The one of that name that was dropped last, under its old name or `as`. */
export interface RecoverTenant {
  readonly type: 'recover-tenant';
  readonly name: string;
  readonly as?: string | undefined;
}
/** Requires that it is dropped and that it holds no database any more, dropped ones included. */
export interface PurgeTenant {
  readonly type: 'purge-tenant';
  readonly tenant: TenantId;
}
export interface CreateDatabase {
  readonly type: 'create-database';
  readonly tenant: string;
  readonly name: string;
  readonly options: OptionChanges;
  readonly ifNotExists?: boolean | undefined;
}
export interface AlterDatabase {
  readonly type: 'alter-database';
  readonly tenant: string;
  readonly name: string;
  /** Without `precision`: that is fixed. A ttl also brings back what it keeps of what has expired. */
  readonly options: OptionChanges;
  /** From when on it holds. Absent: what has expired stays hidden. */
  readonly atMs?: number | undefined;
}
export interface DropDatabase {
  readonly type: 'drop-database';
  readonly tenant: string;
  readonly name: string;
  readonly ifExists?: boolean | undefined;
  readonly atMs: number;
  readonly purgeAtMs: number;
  /** Where there is none of that name, those in the trash are purged no later than said. */
  readonly orTrash?: boolean | undefined;
}
/** The one of that name that was dropped last, under its old name or `as`. */
export interface RecoverDatabase {
  readonly type: 'recover-database';
  readonly tenant: string;
  readonly name: string;
  readonly as?: string | undefined;
}
/** Requires that it is dropped: all it holds goes, its replica sets become 'dropping'. */
export interface PurgeDatabase {
  readonly type: 'purge-database';
  readonly database: DatabaseId;
}
export interface CreateTable {
  readonly type: 'create-table';
  readonly database: DatabaseId;
  readonly table: TableRequest;
  readonly ifNotExists?: boolean | undefined;
}
/** Creates what is missing; conflicts and limits are values, so that the other columns still come to be. */
export interface EnsureTables {
  readonly type: 'ensure-tables';
  readonly database: DatabaseId;
  readonly tables: readonly TableRequest[];
  /** Nothing is made of a request for more columns than there is room for; else as many as there is. */
  readonly allOrNothing?: boolean | undefined;
}
/** One change of a table: of its columns, or of its name. */
export type TableChange =
  | {readonly kind: 'add-column'; readonly column: Omit<Column, 'id'>}
  /** Its id is dead from then on. */
  | {readonly kind: 'drop-column'; readonly name: string}
  | {readonly kind: 'rename-column'; readonly name: string; readonly to: string}
  | {readonly kind: 'rename-table'; readonly to: string};
export interface AlterTable {
  readonly type: 'alter-table';
  readonly database: DatabaseId;
  readonly name: string;
  readonly change: TableChange;
}
export interface DropTable {
  readonly type: 'drop-table';
  readonly database: DatabaseId;
  readonly name: string;
  readonly ifExists?: boolean | undefined;
  readonly atMs: number;
  readonly purgeAtMs: number;
  /** Where there is none of that name, those in the trash are purged no later than said. */
  readonly orTrash?: boolean | undefined;
}
/** The one of that name that was dropped last, under its old name or `as`. */
export interface RecoverTable {
  readonly type: 'recover-table';
  readonly database: DatabaseId;
  readonly name: string;
  readonly as?: string | undefined;
}
export interface PurgeTable {
  readonly type: 'purge-table';
  readonly table: TableId;
  readonly atMs: number;
}
/** Requires that it was purged: nothing refers to the id any more. */
export interface ForgetTable {
  readonly type: 'forget-table';
  readonly table: TableId;
}
