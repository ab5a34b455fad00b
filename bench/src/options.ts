// The command line's words as the options of the scenario.

import path from 'node:path';
import {z} from 'zod';
import {flotilla} from './targets/flotilla.ts';
import {influxdb} from './targets/influxdb.ts';
import type {Target} from './targets/target.ts';
import {victoriaMetrics} from './targets/victoriametrics.ts';
import {fitsLate, START_MS} from './tsbs-rows.ts';

const PEERS: Readonly<Record<string, Target>> = {victoriametrics: victoriaMetrics, influxdb};
const UNITS_MS: Readonly<Record<string, number>> = {ms: 1, s: 1_000, m: 60_000, h: 3_600_000};

const Count = z.coerce.number().int().min(1);
const ListText = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
const NodeCounts = ListText.pipe(z.array(z.string().regex(/^[0-9]$/, 'want 0 to 9')));
const PeerNames = ListText.pipe(z.array(z.enum(Object.keys(PEERS) as [string, ...string[]])));

const Duration = z
  .string()
  .regex(/^\d+(ms|s|m|h)$/, 'want a duration as 500ms, 10s or 1m')
  .transform((text) => {
    const [, count = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(text) ?? [];
    return Number(count) * UNITS_MS[unit]!;
  })
  .refine((ms) => ms > 0, 'want more than nothing');

/** Flags of Node.js by which a process leaves a profile of each of its threads when it ends. */
export function profileFlags(directory: string): readonly string[] {
  return ['--cpu-prof', `--cpu-prof-dir=${path.resolve(directory)}`];
}

const Options = z
  .object({
    hosts: Count,
    hours: z.coerce.number().positive(),
    interval: Duration,
    values: z.enum(['integer', 'float', 'decimal']),
    late: Duration.optional(),
    seed: z.coerce.number().int(),
    nodes: NodeCounts,
    engineThreads: z.coerce.number().int().min(0).optional(),
    cpuProf: z.string().optional(),
    peers: PeerNames,
    rounds: Count,
    connections: Count,
    batch: Count.max(100_000),
    logSeconds: z.coerce.number().positive(),
    gzip: z.boolean().default(false),
    json: z.boolean().default(false),
  })
  .transform((raw) => {
    const {hosts, hours, interval, values, late, seed, batch, engineThreads, cpuProf} = raw;
    const counts = raw.nodes.map(Number).filter((nodes) => nodes > 0);
    const nodeFlags = cpuProf === undefined ? undefined : () => profileFlags(cpuProf);
    const ofNodes = {engineThreads, nodeFlags, logSecondsMax: raw.logSeconds};
    const ours = counts.map((nodes) => flotilla(nodes, ofNodes));
    const others = raw.peers.map((name) => PEERS[name]!);
    return {
      rows: {hosts, hours, intervalMs: interval, values, lateMs: late, seed, startMs: START_MS},
      batchRows: batch,
      connections: raw.connections,
      gzip: raw.gzip,
      rounds: raw.rounds,
      json: raw.json,
      targets: [...ours, ...others],
    };
  })
  .refine(({rows}) => fitsLate(rows), '--late is to be a multiple of ten times --interval')
  .refine(({targets}) => targets.length > 0, 'nothing to run: --nodes 0 wants --peers')
  .refine(
    ({rows}) => rows.hours * 3_600_000 >= rows.intervalMs,
    '--hours is less than one --interval: that is no row',
  );

export function parseIngestOptions(raw: unknown) {
  return Options.safeParse(raw);
}
