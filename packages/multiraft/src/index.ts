export type {StoreBeat} from '@flotilla/wire';
export {frameKind, splitFrame} from '@flotilla/wire';
export {durablePointShape} from './durable-point-shape.ts';
export {isCutOff} from './host/fragments.ts';
export {Host} from './host/host.ts';
export {ELECTION_CAUSES} from './host/host-counts.ts';
export type {LeadershipListener, StoppedListener} from './host/host-events.ts';
export type {HostMetrics} from './host/host-metrics.ts';
export type {NodeState} from './host/node-states.ts';
export type {RememberedRecord} from './host/old-image.ts';
export {
  type EntryOrders,
  type GroupObserver,
  HOST_LIMITS,
  type HostLimits,
  type HostOptions,
  type ObservedGroup,
  type OpenHostedStateMachine,
  proposalLimits,
  type StoreOptions,
} from './host/options.ts';
export type {BrokenReplica} from './host/replica-orders.ts';
export type {MemberStatus, ReplicaStatus} from './host/status.ts';
export {type StoppedReplica, StoppedStore} from './host/stopped-store.ts';
export {checkTiming, TIMINGS, type Timing, type TimingPreset} from './host/timing.ts';
export {NodeLiveness, type NodeLivenessOptions, type NodeView} from './liveness/node-liveness.ts';
export {ballastPath} from './log/ballast.ts';
export {checkLog, type LoggedReplica, type LogLook} from './log/log-check.ts';
export type * from './state-machine.ts';
