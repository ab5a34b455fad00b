export {
  type AdminClient,
  type Entity,
  type Id,
  isFinal,
  type Operation,
  type Replica,
  type ReplicaSet,
  type ReplicaSetChange,
  type Status,
} from './admin.ts';
export type {CallOptions} from './call.ts';
export {FlotillaError, type NoAnswerCode, type WriteDetails, writeDetailsOf} from './errors.ts';
export {
  FlotillaClient,
  type FlotillaClientOptions,
  type QueryFormat,
  type QueryOptions,
  type WriteOptions,
  type WriteResult,
} from './flotilla-client.ts';
export type {Row, Value} from './rows.ts';
