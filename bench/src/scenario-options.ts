// The words of the command line as the options of the scenarios of consensus and of operations.

import {z} from 'zod';
import {SET_NAMES} from './capacity/capacity.ts';
import {CONSENSUS_PEERS, CONSENSUS_TARGETS} from './consensus/consensus.ts';
import {FAULTS} from './failover/failover.ts';

const Count = z.coerce.number().int().min(1);
const Positive = z.coerce.number().positive();
const Threads = z.coerce.number().int().min(0).optional();
const Json = z.boolean().default(false);
const ListText = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

export const ConsensusWords = z.object({
  nodes: Count.max(9),
  clients: ListText.transform((items) => items.map(Number)).pipe(
    z.array(z.number().int().min(1)).min(1),
  ),
  seconds: Positive,
  warmup: z.coerce.number().min(0),
  targets: ListText.pipe(z.array(z.enum(CONSENSUS_TARGETS))),
  peers: ListText.pipe(z.array(z.enum(CONSENSUS_PEERS))),
  engineThreads: Threads,
  cpuProf: z.string().optional(),
  json: Json,
});

export const FailoverWords = z.object({
  fault: ListText.pipe(z.array(z.enum(FAULTS)).min(1)),
  rounds: Count,
  peers: ListText.pipe(z.array(z.enum(['etcd']))),
  json: Json,
});

export const GroupsWords = z.object({
  groups: Count,
  idleSeconds: Positive,
  settleSeconds: Positive,
  waitSeconds: Positive,
  engineThreads: Threads,
  json: Json,
});

export const BucketsWords = z.object({
  buckets: Count,
  series: Count,
  unloadSeconds: Positive,
  json: Json,
});

export const BackupWords = z.object({
  nodes: Count,
  hosts: Count,
  hours: Positive,
  values: z.enum(['integer', 'float', 'decimal']),
  stillSeconds: Positive,
  rate: Count.optional(),
  engineThreads: Threads,
  json: Json,
});

export const EnduranceWords = z.object({
  minutes: Positive,
  window: Positive,
  clients: Count,
  engineThreads: Threads,
  json: Json,
});

export const PlanWords = z.object({
  sets: ListText.pipe(z.array(z.enum(SET_NAMES))),
  hours: Positive.optional(),
  json: Json,
});

export const MetaWords = z.object({nodes: Count.min(6), sets: Count, json: Json});

export const SteadyWords = z.object({
  minutes: Positive,
  load: Positive.max(1),
  findingSeconds: Positive,
  storageSeconds: Positive,
  engineThreads: Threads,
  json: Json,
});

export const MoveWords = z.object({
  rounds: z.coerce.number().int().min(0),
  kills: z.boolean().default(false),
  megabytes: Positive,
  clients: Count,
  seconds: Positive,
  seed: z.coerce.number().int().min(0),
  engineThreads: Threads,
  json: Json,
});

export const DrainWords = z.object({
  sets: Count,
  clients: Count,
  seconds: Positive,
  engineThreads: Threads,
  json: Json,
});

export const NewBucketWords = z.object({
  rounds: Count,
  seconds: Positive,
  perSecond: Positive,
  engineThreads: Threads,
  json: Json,
});
