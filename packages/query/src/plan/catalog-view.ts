import type {Catalog} from '@flotilla/catalog';

/** What planning reads of the catalog. */
export type PlanCatalog = Pick<
  Catalog,
  'version' | 'database' | 'databaseByName' | 'tableByName' | 'tables' | 'buckets'
>;
