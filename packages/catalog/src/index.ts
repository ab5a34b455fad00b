export * from './catalog.ts';
export * from './commands.ts';
export {
  type Applied,
  CatalogMachine,
  COMMAND_TYPES,
  type MachineSnapshot,
} from './machine/catalog-machine.ts';
export {DEFAULT_DATABASE, DEFAULT_TENANT} from './machine/cluster-commands.ts';
export type {Counters} from './machine/draft.ts';
export {DEFAULT_OPTIONS} from './machine/options.ts';
export * from './model.ts';
export {hashSeriesKey, shardOf} from './shard-hash.ts';
