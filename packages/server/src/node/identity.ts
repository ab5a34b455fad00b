// How a node comes to its identity: it goes on as who it is, founds a cluster, or is taken into one.
// A crash at any step is followed by the same step again: what was begun is durable in the directory
// before it is begun, and meta knows a node that asks twice by its incarnation.

import {createHash, randomBytes} from 'node:crypto';
import {type Clock, DbError, type Log, type NodeId} from '@flotilla/base';
import {type CatalogUpdate, CLUSTER_VERSION} from '@flotilla/catalog';
import {type AddressAnswer, decideFounding} from '@flotilla/meta';
import {z} from 'zod';
import type {NodeDirectory, NodeIdentity, TlsSource} from '../adapters/index.ts';
import {type AskOptions, identifyNode, JoinSecret, requestJoin} from '../connections/index.ts';
import {pause} from '../engine/pause.ts';
import {parseOrThrow} from '../http/parse-or-throw.ts';
import {writeCatalogCache} from './catalog-cache.ts';
import {isInsecure, isLoopback, type NodeOptions, splitAddress} from './node-options.ts';
import {Identified} from './standing.ts';

const ASK_MS_MAX = 1_000;
/** Of a node that waits: twice as long each time, up to this. Machines may be slower than that for long. */
const ASK_AGAIN_MS_MAX = 5_000;
const JOIN_MS_MAX = 15_000;
const RETRY_MS = 300;
/** The catalog gives the founder this id, before any other. */
const FIRST_NODE = 1 as NodeId;
/** A reason to wait is told once, and again this often. */
const REMIND_MS = 10_000;

/** What a node tells of itself when it asks to be taken in. */
export const JoinRequest = z.object({
  incarnation: z.string().min(8).max(64),
  address: z.string(),
  zone: z.string().optional(),
  engineThreads: z.number().int().min(0),
  version: z.string(),
  isInsecure: z.boolean().optional(),
  /** Absent of an older build, which can 1. */
  clusterVersionMax: z.number().int().min(1).optional(),
});
export type JoinRequest = z.infer<typeof JoinRequest>;

const JoinAnswer = z.object({
  clusterId: z.string(),
  node: z.number().int().positive(),
  catalog: z.object({version: z.number(), changes: z.array(z.unknown())}),
});

export type Beginning =
  | {readonly type: 'resume'}
  | {readonly type: 'found'; readonly founding: NodeIdentity; readonly incarnation: string}
  | {readonly type: 'joined'};

export interface IdentityDeps {
  readonly directory: NodeDirectory;
  readonly options: NodeOptions;
  readonly address: string;
  readonly engineThreads: number;
  readonly version: string;
  /** Undefined: nothing is encrypted between nodes. */
  readonly tls?: TlsSource | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** What the node waits for, for /ready. */
  readonly onWaiting: (reason: string) => void;
  readonly isStopping: () => boolean;
}

/** Resolves once the directory has an identity, or this node is to found a cluster; undefined when it is stopped. */
export async function becomeSomebody(deps: IdentityDeps): Promise<Beginning | undefined> {
  const {directory, options, address, tls, clock, log} = deps;
  const incarnation = incarnationOf(directory.name, address);
  if (directory.founding !== undefined) {
    return {type: 'found', founding: directory.founding, incarnation};
  }
  const join = options.join ?? [];
  const secret = new JoinSecret(options.joinSecret ?? '');
  const reminder = new Reminder(clock, log);
  let askMs = ASK_MS_MAX;
  while (!deps.isStopping()) {
    const others =
      directory.identity === undefined ? join.filter((other) => other !== address) : [];
    const decision = decideFounding({
      clusterId: directory.identity?.cluster,
      join,
      bootstrap: options.bootstrap,
      loopback: isLoopback(splitAddress(options.listen).host),
      ownAddress: address,
      answers: await askAll(others, {clock, secret, tls, timeoutMs: askMs}),
    });
    switch (decision.type) {
      case 'resume':
        return {type: 'resume'};
      case 'found':
        await directory.beginFounding({
          cluster: randomBytes(8).toString('hex'),
          node: FIRST_NODE,
        });
        return {type: 'found', founding: directory.founding!, incarnation};
      case 'join': {
        const joined = await tryJoin(decision.address, {incarnation, secret}, deps);
        if (joined.type !== 'refused') return joined;
        deps.onWaiting(joined.reason);
        reminder.tell(joined.isEarly ? 'info' : 'warn', joined.reason);
        break;
      }
      case 'wait':
        deps.onWaiting(decision.reason);
        reminder.tell('info', `waiting: ${decision.reason}`);
        break;
      default:
        decision satisfies never;
    }
    askMs = Math.min(2 * askMs, ASK_AGAIN_MS_MAX);
    await pause(clock, RETRY_MS);
  }
  return undefined;
}

/** Says why the node waits: when the reason changes, and now and then while it does not. */
class Reminder {
  readonly #clock: Clock;
  readonly #log: Log;
  #told = '';
  #toldAtMs = -Infinity;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  tell(level: 'info' | 'warn', reason: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (reason === this.#told && nowMs - this.#toldAtMs <= REMIND_MS) return;
    this.#log[level]({}, reason);
    this.#told = reason;
    this.#toldAtMs = nowMs;
  }
}

interface Refused {
  readonly type: 'refused';
  readonly reason: string;
  /** Where all nodes start at once, the one that is asked may not have founded the cluster yet. */
  readonly isEarly: boolean;
}

/** The same at every try; another for a copy of the directory that is started elsewhere. */
export function incarnationOf(name: string, address: string): string {
  return createHash('sha256').update(`${name} ${address}`).digest('hex').slice(0, 32);
}

async function askAll(
  addresses: readonly string[],
  options: AskOptions,
): Promise<Map<string, AddressAnswer>> {
  const answers = new Map<string, AddressAnswer>();
  await Promise.all(
    addresses.map(async (address) => {
      try {
        answers.set(address, Identified.parse(await identifyNode(address, {}, options)));
      } catch (error) {
        if (error instanceof DbError && error.code === 'UNAUTHENTICATED')
          answers.set(address, {refusal: error.message});
        // Silence is an answer of its own: the address is absent from the map.
        else if (!(error instanceof DbError) && !(error instanceof z.ZodError)) throw error;
      }
    }),
  );
  return answers;
}

async function tryJoin(
  address: string,
  {incarnation, secret}: {readonly incarnation: string; readonly secret: JoinSecret},
  deps: IdentityDeps,
): Promise<Beginning | Refused> {
  const {directory, options, engineThreads, version, tls, clock, log} = deps;
  const request: JoinRequest = {
    incarnation,
    address: deps.address,
    zone: options.zone,
    engineThreads,
    version,
    isInsecure: isInsecure(options),
    clusterVersionMax: CLUSTER_VERSION,
  };
  try {
    const answer = parseOrThrow(
      JoinAnswer,
      await requestJoin(address, request, {clock, secret, tls, timeoutMs: JOIN_MS_MAX}),
    );
    // First, or a crash would leave a member that knows nobody to ask.
    await writeCatalogCache(directory.path, answer.catalog as CatalogUpdate);
    await directory.adopt({cluster: answer.clusterId, node: answer.node as NodeId});
    log.info(
      {node: answer.node, cluster: answer.clusterId},
      `joined the cluster as node ${answer.node}`,
    );
    return {type: 'joined'};
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    const reason = `${address} did not take this node in: ${error.message}`;
    return {type: 'refused', reason, isEarly: error.code === 'UNAVAILABLE'};
  }
}
