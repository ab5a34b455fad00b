// The door for whoever runs an engine without its thread and its sockets: the core that a real thread has
// too, and what stands around it, over whatever ports they are given.

export type {KnownLife} from '../connections/hello.ts';
export {RpcCore} from '../connections/rpc.ts';
export {announce, META_SILENT_MS_MAX} from '../node/announcement.ts';
export {FirstGreetings} from '../node/first-greetings.ts';
export {KnownLives, LIVES_EVERY_MS} from '../node/known-lives.ts';
export {carryOutMetaRecovery, planMetaRecovery, type Stopped} from '../node/meta-recovery.ts';
export {Relay} from '../node/relay.ts';
export {type Identified, standingOf} from '../node/standing.ts';
export {storeEvidence} from '../node/store-evidence.ts';
export {ThreadVitals, vitalsOf} from '../node/thread-vitals.ts';
export {othersOf, VOUCHING_MS_MAX, Vouching} from '../node/vouching.ts';
export {findDatabase} from './catalog-access.ts';
export {ClusterView} from './cluster-view.ts';
export {assembleCore, type CoreNews, type EngineCore, nodeOf, storeOf} from './engine-core.ts';
export {EntryOrderBook} from './entry-orders.ts';
export {CAMPAIGN_METHOD} from './failover.ts';
export {MetaRole, updateNodeRecord} from './meta-role.ts';
export {Recovery} from './recovery.ts';
export {replicaFactory} from './replica-factory.ts';
export type {NodeReplicas} from './replica-host.ts';
export {WorkTurns} from './work-turns.ts';
