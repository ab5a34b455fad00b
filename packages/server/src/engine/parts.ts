// The door for whoever runs an engine without its thread and its sockets: the parts that
// engine-start puts together, over whatever ports they are given.

export type {KnownLife} from '../connections/hello.ts';
export {passHandlers} from '../connections/passed-call.ts';
export {RpcCore} from '../connections/rpc.ts';
export {FirstGreetings} from '../node/first-greetings.ts';
export {KnownLives, LIVES_EVERY_MS} from '../node/known-lives.ts';
export {findDatabase} from './catalog-access.ts';
export {CatalogCopy} from './catalog-copy.ts';
export {CatalogEffects} from './catalog-effects.ts';
export {CAMPAIGN_METHOD, campaignHandler, FailoverModes} from './failover.ts';
export {metaProposer} from './meta-proposer.ts';
export {MetaRole, metaMembers} from './meta-role.ts';
export {replicaFactory} from './replica-factory.ts';
export {NodeReplicas} from './replica-host.ts';
export {WorkTurns} from './work-turns.ts';
