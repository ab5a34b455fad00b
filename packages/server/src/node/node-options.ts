// What a node is started with. The command line checks the flags' forms; the limits are checked here.

import {DbError} from '@flotilla/base';
import {z} from 'zod';
import {HOW_TO_MAKE_A_SECRET, whyNoSecret} from '../connections/index.ts';
import {parseOrThrow} from '../http/parse-or-throw.ts';

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

const Options = z.strictObject({
  dataDirectory: z.string().min(1),
  listen: Address,
  advertise: Address.optional(),
  join: z.array(Address).optional(),
  bootstrap: z.boolean().default(false),
  joinSecret: JoinSecretText.optional(),
  engineThreads: z.number().int().min(0).max(256).optional(),
  memoryBytes: z.number().int().positive().optional(),
  zone: z.string().min(1).max(255).optional(),
  timing: z.enum(['local', 'zone', 'wan']).default('local'),
  autoCreateDatabase: z.boolean().default(false),
  /** For tests, which cannot write a million series; no flag sets it. */
  seriesPerSetMax: z.number().int().positive().optional(),
  log: z.enum(['pretty', 'json']).default('pretty'),
});

export type StartNodeOptions = z.input<typeof Options>;
export type NodeOptions = z.output<typeof Options>;

export function parseNodeOptions(options: StartNodeOptions): NodeOptions {
  const parsed = parseOrThrow(Options, options);
  const {join, bootstrap, joinSecret} = parsed;
  if (joinSecret === undefined && (join !== undefined || bootstrap)) {
    const flag = join === undefined ? '--bootstrap' : '--join';
    throw new DbError(
      'INVALID_ARGUMENT',
      `a node with ${flag} needs the join secret of its cluster: ${HOW_TO_MAKE_A_SECRET}`,
    );
  }
  return parsed;
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
