// What a laboratory's nodes are made with, and what they get where nothing is said.

import {SeededRandom} from '@flotilla/base';
import type {Limits, Timing} from '../options.ts';
import type {LabOptions} from './replica.ts';

/** Elections after 10 ticks, heartbeats at each, limits that nobody meets, unless given. */
export interface LabNodesOptions
  extends Partial<Omit<LabOptions, 'id' | 'limits' | 'timing'>>,
    Partial<Timing>,
    Partial<Limits> {
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  /** Where the log begins: a snapshot at this index. 0, an empty log, unless given. */
  readonly index?: number;
  /** Of that snapshot and of the replica. Unless given the snapshot is of term 1, the replica in none. */
  readonly term?: number;
}

const TIMING: Timing = {electionTicks: 10, heartbeatTicks: 1, commitWaits: false};

const LIMITS: Limits = {
  messageBytesMax: 1 << 20,
  inflightMessagesMax: 256,
  inflightBytesMax: 1 << 24,
  uncommittedBytesMax: 1 << 24,
  appliedBytesPerOutput: 1 << 20,
};

export const NODE_OPTIONS: readonly string[] = [
  'preVote',
  'checkQuorum',
  'leaseReads',
  'failover',
  'random',
  ...Object.keys(TIMING),
  ...Object.keys(LIMITS),
];

export function labOptions(id: number, given: LabNodesOptions): LabOptions {
  const {random = new SeededRandom(id), preVote = false, checkQuorum = false} = given;
  const {leaseReads, failover} = given;
  return {
    id,
    random,
    preVote,
    checkQuorum,
    leaseReads,
    failover,
    timing: filled(TIMING, given),
    limits: filled(LIMITS, given),
  };
}

function filled<Values extends object>(defaults: Values, given: Partial<Values>): Values {
  const values = {...defaults};
  for (const name of Object.keys(defaults) as (keyof Values)[]) {
    values[name] = given[name] ?? defaults[name];
  }
  return values;
}
