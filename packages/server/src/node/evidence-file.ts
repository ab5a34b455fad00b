// The file of `recover report`: what the stores of a stopped node tell, carried to the machine on which the
// meta group is recovered. It comes from another host, so that every field of it is checked.

import {readFile} from 'node:fs/promises';
import type {NodeEvidence} from '@flotilla/catalog';
import {z} from 'zod';

const VERSION = 1;

const Id = z.number().int().positive();
const Count = z.number().int().min(0);
const Time = z.number().int();
const Ids = z.array(Id);

const Configuration = z.object({
  voters: Ids,
  votersOutgoing: Ids,
  learners: Ids,
  learnersNext: Ids,
  autoLeave: z.boolean(),
});

const DeadColumns = z.object({table: Id, columns: Ids});

const Place = z
  .object({
    tenant: z.string().min(1),
    databaseName: z.string().min(1),
    bucket: Id,
    endMs: Time,
    shard: Count,
    shards: Id.max(10_000),
    sets: z.array(Id).optional(),
  })
  .refine(({shard, shards}) => shard < shards, 'a shard is one of its bucket')
  .refine(({shards, sets}) => (sets?.length ?? shards) === shards, 'each shard has its set');

const Birth = z.object({
  database: Id,
  startMs: Time,
  precision: z.enum(['ns', 'us', 'ms']),
  deadTables: Ids,
  deadColumns: z.array(DeadColumns).optional(),
  place: Place.optional(),
});

const Replica = z.object({
  set: Id,
  replica: Id,
  lastTerm: Count,
  lastIndex: Count,
  configuration: Configuration.optional(),
  configIndex: Count,
  founding: Configuration.optional(),
  isDamaged: z.boolean(),
  birth: Birth.optional(),
  tables: z.array(z.object({table: Id, rowCount: Count})),
  purgedTables: Ids,
  deadColumns: z.array(DeadColumns),
});

const EvidenceFile = z.object({
  version: z.literal(VERSION),
  cluster: z.string(),
  node: Id,
  name: z.string(),
  address: z.string().optional(),
  stores: Id,
  replicas: z.array(Replica),
  ended: z.array(z.object({set: Count, replica: Id})),
  faults: z.array(z.string()),
});

export function encodeEvidence(evidence: NodeEvidence): string {
  return `${JSON.stringify({version: VERSION, ...evidence}, undefined, 2)}\n`;
}

/** Throws with what is wrong, by field. */
export function decodeEvidence(text: string): NodeEvidence {
  const {version: _, ...evidence} = EvidenceFile.parse(JSON.parse(text));
  // The schema knows numbers; which of them are which ids the types alone tell.
  return evidence as unknown as NodeEvidence;
}

export async function readEvidence(file: string): Promise<NodeEvidence> {
  const text = await readFile(file, 'utf8');
  try {
    return decodeEvidence(text);
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`${file} is no report of \`recover report\`: ${why}`);
  }
}
