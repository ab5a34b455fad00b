// The door for whoever runs an engine without its thread and its sockets: the parts that
// engine-start puts together, over whatever ports they are given.

export type {KnownLife} from '../connections/hello.ts';
export {passHandlers} from '../connections/passed-call.ts';
export {RpcCore} from '../connections/rpc.ts';
export {FirstGreetings} from '../node/first-greetings.ts';
export {KnownLives, LIVES_EVERY_MS} from '../node/known-lives.ts';
export {carryOutMetaRecovery, planMetaRecovery, type Stopped} from '../node/meta-recovery.ts';
export {Relay} from '../node/relay.ts';
export {storeEvidence} from '../node/store-evidence.ts';
export {ThreadVitals, vitalsOf} from '../node/thread-vitals.ts';
export {findDatabase} from './catalog-access.ts';
export {CatalogCopy} from './catalog-copy.ts';
export {CatalogEffects} from './catalog-effects.ts';
export {ClusterView, notesHandler} from './cluster-view.ts';
export {EntryOrderBook} from './entry-orders.ts';
export {CAMPAIGN_METHOD, campaignHandler, FailoverModes} from './failover.ts';
export {metaProposer} from './meta-proposer.ts';
export {MetaRole, metaMembers} from './meta-role.ts';
export {Recovery} from './recovery.ts';
export {replicaFactory} from './replica-factory.ts';
export {NodeReplicas, type NotesOfOthers, takeNews} from './replica-host.ts';
export {WorkTurns} from './work-turns.ts';
