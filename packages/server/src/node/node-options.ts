// What a node is started with. The command line checks the flags' forms; the limits are checked here.

import {DbError, LIMITS} from '@flotilla/base';
import type {PlanSettings} from '@flotilla/catalog';
import {z} from 'zod';
import {HOW_TO_MAKE_A_SECRET, whyNoSecret} from '../connections/index.ts';
import {HOW_TO_MAKE_A_TOKEN, whyNoToken} from '../doors/token-hash.ts';
import {parseOrThrow} from '../http/parse-or-throw.ts';
import {durationFlag, numberFlag} from './limit-flags.ts';

const Address = z
  .string()
  .regex(/^.+:\d{1,5}$/, 'want host:port')
  .refine(
    (address) => Number(portOf(address)) < 65_535,
    'want a port below 65535: gRPC takes the next one',
  );

const JoinSecretText = z.string().superRefine((text, context) => {
  const message = whyNoSecret(text);
  if (message !== undefined) context.addIssue({code: 'custom', message});
});

const AdminTokenText = z
  .string()
  .superRefine((text, context) => {
    const message = whyNoToken(text);
    if (message !== undefined) context.addIssue({code: 'custom', message});
  })
  .transform((text) => text.trim());

const Options = z.strictObject({
  dataDirectory: z.string().min(1),
  listen: Address,
  advertise: Address.optional(),
  join: z.array(Address).optional(),
  bootstrap: z.boolean().default(false),
  joinSecret: JoinSecretText.optional(),
  /** Paths of PEM files. */
  tls: z
    .strictObject({cert: z.string().min(1), key: z.string().min(1), ca: z.string().min(1)})
    .optional(),
  /** HTTP takes clients without a certificate of the authority. */
  tlsAnyClient: z.boolean().default(false),
  /** The first token of the cluster; it counts until the catalog has one. */
  adminToken: AdminTokenText.optional(),
  /** Beyond loopback without TLS or tokens. */
  insecure: z.boolean().default(false),
  engineThreads: z.number().int().min(0).max(256).optional(),
  memoryBytes: z.number().int().positive().optional(),
  zone: z.string().min(1).max(255).optional(),
  timing: z.enum(['local', 'zone', 'wan']).default('local'),
  autoCreateDatabase: z.boolean().default(false),
  /** These three count where meta is led. */
  repairAfter: durationFlag('repair_after_ms').optional(),
  movesPerCluster: numberFlag('moves_per_cluster_max').optional(),
  movesPerNode: numberFlag('moves_per_node_max').optional(),
  /** Where meta is led, of what expires; of what is dropped, at the node that is told to. */
  trashRetention: durationFlag('trash_retention_ms').optional(),
  /** Of the node, to replicas that are made: each engine thread has its part. */
  snapshotBytesPerSecond: numberFlag('snapshot_bytes_per_second_max').default(
    LIMITS.snapshot_bytes_per_second_max.value,
  ),
  /** For tests, which can neither write a million series nor wait an hour; no flag sets these. */
  seriesPerSetMax: z.number().int().positive().optional(),
  seriesIndexesBytesMax: z.number().int().positive().optional(),
  unloadAfterMs: z.number().int().positive().optional(),
  log: z.enum(['pretty', 'json']).default('pretty'),
});

export type StartNodeOptions = z.input<typeof Options>;
export type NodeOptions = z.output<typeof Options>;
type SnapshotRate = Pick<NodeOptions, 'snapshotBytesPerSecond'>;

export function parseNodeOptions(options: StartNodeOptions): NodeOptions {
  const parsed = parseOrThrow(Options, options);
  const {join, bootstrap, joinSecret, tls, insecure} = parsed;
  if (joinSecret === undefined && (join !== undefined || bootstrap)) {
    const flag = join === undefined ? '--bootstrap' : '--join';
    throw new DbError(
      'INVALID_ARGUMENT',
      `a node with ${flag} needs the join secret of its cluster: ${HOW_TO_MAKE_A_SECRET}`,
    );
  }
  if (isBeyondLoopback(parsed) && tls === undefined && !insecure)
    throw new DbError(
      'INVALID_ARGUMENT',
      `a node that listens beyond loopback (${parsed.listen}) needs TLS; without it anyone who reaches it can read and write everything. Make certificates (./flotilla cert --help) and give them with --tls-cert, --tls-key and --tls-ca, or say --insecure if no stranger can reach this network`,
    );
  return parsed;
}

/** A cluster that is founded beyond loopback has an administrator from its first moment. */
export function checkFounder(options: NodeOptions): void {
  const {bootstrap, adminToken, insecure} = options;
  if (!bootstrap || adminToken !== undefined || insecure || !isBeyondLoopback(options)) return;
  throw new DbError(
    'INVALID_ARGUMENT',
    `a node that founds a cluster beyond loopback (${options.listen}) needs the cluster's first admin token; without it anyone who reaches it can administer the cluster: ${HOW_TO_MAKE_A_TOKEN}, or say --insecure if no stranger can reach this network`,
  );
}

/** What each engine thread may send to replicas that are made. */
export function snapshotShare({snapshotBytesPerSecond}: SnapshotRate, threads: number): number {
  const {min} = LIMITS.snapshot_bytes_per_second_max.flag;
  return Math.max(min, snapshotBytesPerSecond / threads);
}

export function planSettings(options: NodeOptions): PlanSettings {
  return {
    repairAfterMs: options.repairAfter,
    movesPerClusterMax: options.movesPerCluster,
    movesPerNodeMax: options.movesPerNode,
    trashRetentionMs: options.trashRetention,
  };
}

/** It need ask nobody for a certificate or a token. */
export function isInsecure(options: Pick<NodeOptions, 'listen' | 'insecure'>): boolean {
  return options.insecure && isBeyondLoopback(options);
}

export function isBeyondLoopback({listen}: Pick<NodeOptions, 'listen'>): boolean {
  return !isLoopback(splitAddress(listen).host);
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export function splitAddress(address: string): HostAndPort {
  const at = address.lastIndexOf(':');
  if (at < 1) throw new DbError('INVALID_ARGUMENT', `${address}: want host:port`);
  return {
    host: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'),
    port: Number(address.slice(at + 1)),
  };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
