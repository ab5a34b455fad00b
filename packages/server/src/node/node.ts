// A node's life: open the directory, listen, become somebody, run, stop. The ports are bound first and
// the directory is locked, so that what is wrong with either is said at once; all else goes on behind
// /ready.

import {
  type Clock,
  DbError,
  type Log,
  type MemoryLimits,
  type NodeId,
  type Random,
  type Timer,
} from '@flotilla/base';
import {Catalog, type CatalogUpdate, type Node} from '@flotilla/catalog';
import {TIMINGS} from '@flotilla/multiraft';
import type {FastifyInstance} from 'fastify';
import {
  AuditFiles,
  createNodeRandom,
  createPinoLog,
  NodeClock,
  type NodeDirectory,
  openNodeDirectory,
  TlsFiles,
} from '../adapters/index.ts';
import {YoungGarbage, youngCollector} from '../adapters/young-garbage.ts';
import {HOW_TO_MAKE_A_SECRET, identifyNode, JoinSecret, NodeServer} from '../connections/index.ts';
import {AdminDoor} from '../doors/admin-door.ts';
import {AuditTrail} from '../doors/audit.ts';
import {hashOfToken} from '../doors/token-hash.ts';
import {clusterFlags} from '../engine/cluster-flags.ts';
import type {FoundingOrder} from '../engine/messages.ts';
import {pause} from '../engine/pause.ts';
import {createApp} from '../http/app.ts';
import {parseOrThrow} from '../http/parse-or-throw.ts';
import type {Health} from '../http/routes/health.ts';
import {NodeMetrics} from '../metrics/node-metrics.ts';
import {VERSION} from '../version.ts';
import {Announced} from './announcement.ts';
import {buildFault} from './build-check.ts';
import {readCatalogCache} from './catalog-cache.ts';
import {noteDoor} from './door-note.ts';
import {EngineClient} from './engine-client.ts';
import {EXIT_CODES, type ExitCode} from './exit-codes.ts';
import {becomeSomebody, incarnationOf, JoinRequest} from './identity.ts';
import {healthOf} from './node-health.ts';
import {
  checkFounder,
  isBeyondLoopback,
  isInsecure,
  type NodeOptions,
  parseNodeOptions,
  planSettings,
  type StartNodeOptions,
  splitAddress,
} from './node-options.ts';
import {type Resources, resourcesOf, thisMachine} from './resources.ts';
import {RunningNode} from './running-node.ts';
import {
  ASK_MS_MAX,
  Asking,
  Identified,
  removedText,
  type Standing,
  standingOf,
} from './standing.ts';
import {stopInTime} from './stop-time.ts';

const FIRST_TOKEN_AGAIN_MS = 1_000;
/**
 * A process that ended without a word is taken for alive until its beats are missed. Who is so long after that
 * lives.
 */
const RUNS_TWICE_MS = 2_500;
const RUNS_TWICE_AGAIN_MS = 500;
/** Where all start at once nobody is connected yet, and the question at the start finds nothing: after it, again. */
const TWIN_LOOKS_MS = [4_000, 8_000];
/** Requests under way get so long to finish before their connections are cut: longer than a write takes at most. */
const DRAIN_MS_MAX = 4_500;

export interface StartedNode {
  /** host:port of HTTP. */
  readonly address: string;
  /** Resolves with the exit code once the node has stopped, by itself or by `stop`. */
  readonly stopped: Promise<number>;
  stop(): Promise<void>;
}

/** Throws when an option, a port or the data directory forbids it; what comes later is told by `stopped`. */
export async function startNode(given: StartNodeOptions): Promise<StartedNode> {
  const options = parseNodeOptions(given);
  const resources = resourcesOf(options, thisMachine());
  const log = createPinoLog({level: 'info', plain: options.log === 'pretty'});
  const directory = await openNodeDirectory({
    path: options.dataDirectory,
    stores: Math.max(1, resources.engineThreads),
  });
  try {
    if (directory.identity === undefined) checkFounder(options);
    const node = new NodeProcess(options, resources, directory, log);
    await node.listen();
    node.run();
    return node;
  } catch (error) {
    directory.close();
    throw error;
  }
}

class NodeProcess implements StartedNode {
  readonly address: string;
  readonly stopped: Promise<number>;
  readonly #options: NodeOptions;
  readonly #directory: NodeDirectory;
  readonly #log: Log;
  readonly #clock: Clock = new NodeClock();
  readonly #random: Random = createNodeRandom();
  readonly #client = new EngineClient(this.#clock);
  readonly #secret: JoinSecret | undefined;
  readonly #tls: TlsFiles | undefined;
  readonly #auditFiles: AuditFiles;
  readonly #audit: AuditTrail;
  readonly #firstTokenHash: string | undefined;
  readonly #door: AdminDoor;
  readonly #server: NodeServer;
  readonly #app: FastifyInstance;
  readonly #metrics: NodeMetrics;
  readonly #engineThreads: number;
  readonly #memory: MemoryLimits;
  #running: RunningNode | undefined;
  #twinLook: Timer | undefined;
  #waitingFor: string | undefined = 'the node is starting';
  #isStopping = false;
  /** What a stop waits for now. */
  #ending = 'requests under way';
  #end!: (code: ExitCode) => void;
  #bringingUp: Promise<void> = Promise.resolve();

  constructor(options: NodeOptions, resources: Resources, directory: NodeDirectory, log: Log) {
    this.#options = options;
    const {seriesIndexesBytesMax: indexes} = options;
    const {memory} = resources;
    this.#memory = indexes === undefined ? memory : {...memory, series_indexes_bytes_max: indexes};
    this.#directory = directory;
    this.#log = log;
    this.address = options.advertise ?? options.listen;
    this.#engineThreads = Math.min(resources.engineThreads, directory.stores);
    this.stopped = new Promise((resolve) => {
      this.#end = resolve;
    });
    const {joinSecret} = options;
    this.#secret = joinSecret === undefined ? undefined : new JoinSecret(joinSecret);
    this.#auditFiles = new AuditFiles(directory.path, log);
    const {life} = directory;
    this.#audit = new AuditTrail(this.#auditFiles, {clock: this.#clock, log, life});
    this.#firstTokenHash = options.adminToken && hashOfToken(options.adminToken);
    this.#door = new AdminDoor({
      tokens: () => this.#running?.tokens,
      firstHash: this.#firstTokenHash,
      isClosedWithoutTokens: isBeyondLoopback(options) && !options.insecure,
    });
    const tls = options.tls && {...options.tls, isAnyAuthority: options.tlsAnyClient};
    this.#tls = tls && new TlsFiles(tls, this.#clock, log);
    this.#server = new NodeServer({
      log,
      clock: this.#clock,
      secret: this.#secret,
      tls: this.#tls,
      identify: (request) => this.#identify(request),
      join: (request) => this.#takeIn(request),
    });
    const health = {
      version: VERSION,
      health: () => this.#health(),
      notReady: () => this.#notReady(),
    };
    this.#metrics = new NodeMetrics({
      clock: this.#clock,
      version: VERSION,
      directory: directory.path,
      asker: this.#client,
      isReady: () => this.#notReady() === undefined,
      flags: clusterFlags(planSettings(options)),
      status: () => this.#running?.status,
    });
    const metrics = this.#metrics;
    this.#app = createApp({
      ...{gateway: this.#client, health, metrics, log, clock: this.#clock},
      bodiesBytesMax: resources.memory.bodies_in_flight_bytes_max,
      garbage: new YoungGarbage(youngCollector()),
      doors: {
        callerOf: (authorization) => this.#door.callerOf(authorization),
        audit: this.#audit,
      },
      place: placeOf(options),
      tls: this.#tls && {source: this.#tls, isAnyClient: options.tlsAnyClient},
    });
  }

  async listen(): Promise<void> {
    const {host, port} = splitAddress(this.#options.listen);
    try {
      await this.#server.listen(host, port + 1);
      await this.#app.listen({host, port});
      await noteDoor(this.#directory.path, this.#options, this.#log);
    } catch (error) {
      await this.#server.close();
      throw error;
    }
  }

  run(): void {
    this.#metrics.start();
    this.#tls?.start();
    this.#bringingUp = this.#bringUp().catch((error: unknown) => {
      this.#log.error({err: error}, 'the node cannot start');
      this.#end(EXIT_CODES.startFailed);
    });
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const at = (): string => this.#ending;
    const code = await stopInTime(this.#stopCleanly(), {clock: this.#clock, log: this.#log, at});
    if (code === EXIT_CODES.stopped) this.#log.info({}, 'stopped');
    this.#end(code);
  }

  async #stopCleanly(): Promise<void> {
    this.#twinLook?.cancel();
    const cut = this.#clock.setTimer(DRAIN_MS_MAX, () => this.#app.server.closeAllConnections());
    await this.#app.close();
    cut.cancel();
    this.#ending = 'the start that was under way';
    await this.#bringingUp;
    this.#ending = 'engine threads and connections';
    await this.#running?.stop();
    this.#ending = 'files';
    await this.#server.close();
    this.#metrics.stop();
    this.#tls?.stop();
    await this.#auditFiles.close();
    this.#directory.close();
  }

  async #bringUp(): Promise<void> {
    const {path} = this.#directory;
    const beginning = await becomeSomebody({
      directory: this.#directory,
      options: this.#options,
      address: this.address,
      engineThreads: this.#engineThreads,
      version: VERSION,
      tls: this.#tls,
      clock: this.#clock,
      log: this.#log,
      onWaiting: (reason) => {
        this.#waitingFor = reason;
      },
      isStopping: () => this.#isStopping,
    });
    if (beginning === undefined) return;
    this.#waitingFor = 'the log is being replayed';
    if (beginning.type === 'found') {
      const {founding, incarnation} = beginning;
      const {cluster: clusterId, node} = founding;
      const catalog = {version: 0, changes: []};
      await this.#create({clusterId, node, catalog, founding: {clusterId, incarnation}}).start();
      // Last, when the catalog holds the cluster: until then each start goes on with the founding.
      await this.#directory.adopt(founding);
      this.#log.info({cluster: clusterId}, 'founded a cluster');
    } else {
      const {cluster, node} = this.#directory.identity!;
      const catalog = await readCatalogCache(path, this.#log);
      const fault = buildFault(Catalog.fromSnapshot(catalog));
      if (fault !== undefined) {
        this.#log.error({}, fault);
        return this.#end(EXIT_CODES.buildTooOld);
      }
      this.#checkSecret(node, catalog);
      if (!(await this.#mayTakePart(catalog))) return;
      await this.#create({clusterId: cluster, node, catalog, founding: undefined}).start();
    }
    this.#waitingFor = undefined;
    this.#log.info({node: this.#directory.identity?.node, threads: this.#engineThreads}, 'serving');
    this.#lookForTwin(TWIN_LOOKS_MS);
    this.#makeFirstToken().catch((error: unknown) => {
      this.#log.error({err: error}, 'cannot make the first admin token');
    });
  }

  /** Again and again until the catalog has a token; each node that was given one may be the first. */
  async #makeFirstToken(): Promise<void> {
    const hash = this.#firstTokenHash;
    if (hash === undefined) return;
    const hasToken = (): boolean => [...(this.#running!.tokens ?? [])].length > 0;
    if (hasToken()) return;
    const intent = {who: '--admin-token-file', what: 'token-create', how: {name: 'admin'}};
    const act = await this.#audit.begin(intent);
    const tell = (result: string): void => this.#audit.add({...intent, act, result});
    while (!this.#isStopping && !hasToken()) {
      try {
        const answer = await this.#client.admin({action: 'token-first', args: {hash}});
        const {created} = answer as {created: boolean};
        return tell(created ? 'ok' : 'ALREADY_EXISTS');
      } catch (error) {
        if (!(error instanceof DbError)) throw error;
        await pause(this.#clock, FIRST_TOKEN_AGAIN_MS);
      }
    }
    // Another node was first, or this one ends before it knows.
    if (hasToken()) tell('ALREADY_EXISTS');
  }

  #create(who: {
    readonly clusterId: string;
    readonly node: NodeId;
    readonly catalog: CatalogUpdate;
    readonly founding: FoundingOrder | undefined;
  }): RunningNode {
    this.#running = new RunningNode({
      ...who,
      directory: this.#directory,
      address: this.address,
      join: this.#options.join ?? [],
      secret: this.#secret,
      tls: this.#tls,
      zone: this.#options.zone,
      timing: this.#options.timing,
      version: VERSION,
      engineThreads: this.#engineThreads,
      memory: this.#memory,
      server: this.#server,
      client: this.#client,
      clock: this.#clock,
      random: this.#random,
      log: this.#log,
      isLogPlain: this.#options.log === 'pretty',
      autoCreateDatabase: this.#options.autoCreateDatabase,
      isInsecure: isInsecure(this.#options),
      audit: this.#audit,
      seriesPerSetMax: this.#options.seriesPerSetMax,
      unloadAfterMs: this.#options.unloadAfterMs,
      settings: planSettings(this.#options),
      snapshotBytesPerSecond: this.#options.snapshotBytesPerSecond,
      onFatal: (code, reason) => {
        this.#log.error({code}, `the node ends: ${reason}`);
        this.#end(code);
      },
      onLook: (lateMs) => this.#metrics.ticked(lateMs),
    });
    return this.#running;
  }

  /** Without the secret it would wait for the others for ever. */
  #checkSecret(self: NodeId, catalog: CatalogUpdate): void {
    if (this.#secret !== undefined) return;
    const others = [...Catalog.fromSnapshot(catalog).nodes()].filter(
      ({id, state}) => id !== self && state !== 'decommissioned',
    );
    if (others.length === 0) return;
    throw new Error(
      `this node belongs to a cluster with other nodes and was started without its join secret: ${HOW_TO_MAKE_A_SECRET}`,
    );
  }

  /** What returns after it was declared lost must neither vote nor acknowledge; nor may one of two. */
  async #mayTakePart(catalog: CatalogUpdate): Promise<boolean> {
    const {node} = this.#directory.identity!;
    const {suspectMaxMs} = TIMINGS[this.#options.timing];
    const untilMs = this.#clock.monotonicMs() + suspectMaxMs + RUNS_TWICE_MS;
    const nodes = [...Catalog.fromSnapshot(catalog).nodes()];
    for (;;) {
      const standing = await this.#standing(nodes);
      if (standing.type === 'member') return true;
      if (standing.type === 'removed') throw new Error(removedText(node));
      if (this.#isStopping) return false;
      if (this.#clock.monotonicMs() >= untilMs) {
        this.#endAsTwin(standing.seenBy);
        return false;
      }
      this.#waitingFor = `another process seems to live as node ${node}`;
      await pause(this.#clock, RUNS_TWICE_AGAIN_MS);
    }
  }

  #lookForTwin([delayMs, ...more]: readonly number[]): void {
    if (delayMs === undefined || this.#isStopping) return;
    this.#twinLook = this.#clock.setTimer(delayMs, () => {
      this.#standing([...this.#running!.catalog.nodes()]).then(
        (standing) => {
          if (standing.type === 'runs-twice') this.#endAsTwin(standing.seenBy);
          else this.#lookForTwin(more);
        },
        (error: unknown) => this.#log.error({err: error}, 'cannot look for a second process'),
      );
    });
  }

  #endAsTwin(seenBy: string): void {
    const {node} = this.#directory.identity!;
    this.#log.error(
      {},
      `another process lives as node ${node}, connected with the node at ${seenBy}: one of the two runs on a copy of the data directory; start the machine that is not to be this node with an empty one`,
    );
    this.#end(EXIT_CODES.runsTwice);
  }

  async #standing(nodes: readonly Node[]): Promise<Standing> {
    const {cluster: clusterId, node} = this.#directory.identity!;
    const others = nodes.filter(({id, state}) => id !== node && state !== 'decommissioned');
    if (this.#secret === undefined || others.length === 0) return {type: 'member'};
    const addresses = [...new Set(others.map(({address}) => address))];
    const [clock, secret, tls] = [this.#clock, this.#secret, this.#tls];
    const asking = {clusterId, node, life: this.#directory.life, at: this.address};
    return standingOf(asking, addresses, (address) =>
      identifyNode(address, asking, {clock, secret, tls, timeoutMs: ASK_MS_MAX}),
    );
  }

  /** A node that is somebody says where it is; every node is told who this one is. */
  #identify(request: unknown): Identified {
    const {identity, founding, name} = this.#directory;
    const announced = Announced.safeParse(request);
    if (announced.success && announced.data.clusterId === identity?.cluster)
      this.#running?.heardOf(announced.data.node, announced.data.address);
    // A cluster that is being founded is one: nobody else may found another beside it.
    const {cluster: clusterId, node} = identity ?? founding ?? {};
    const removed = this.#running?.removed();
    const asking = Asking.safeParse(request);
    const living =
      asking.success && asking.data.clusterId === clusterId
        ? this.#running?.livingBeside(asking.data)
        : undefined;
    return {clusterId, node, incarnation: incarnationOf(name, this.address), removed, living};
  }

  /** Another node asks to be a member; whoever is asked passes it to meta. */
  async #takeIn(request: unknown): Promise<unknown> {
    const node = parseOrThrow(JoinRequest, request);
    if (this.#running === undefined || this.#directory.identity === undefined) {
      throw new DbError('UNAVAILABLE', 'this node belongs to no cluster yet');
    }
    const {node: id, catalog} = (await this.#client.admin({
      action: 'node-join',
      args: {node, isAddressFree: await this.#isAddressFree(node)},
    })) as {
      node: NodeId;
      catalog: CatalogUpdate;
    };
    return {clusterId: this.#directory.identity.cluster, node: id, catalog};
  }

  /** Of a node that was there before: who answers there now is the one that asks. */
  async #isAddressFree({address, incarnation}: JoinRequest): Promise<boolean> {
    const isKnown = [...this.#running!.catalog.nodes()].some((node) => node.address === address);
    if (!isKnown) return false;
    const clock = this.#clock;
    const options = {clock, secret: this.#secret!, tls: this.#tls, timeoutMs: ASK_MS_MAX};
    const there = Identified.parse(await identifyNode(address, {}, options));
    return there.node === undefined && there.incarnation === incarnation;
  }

  #health(): Health {
    const {threads, metaSilentMs} = this.#running?.condition ?? {threads: [], metaSilentMs: 0};
    return healthOf({waitingFor: this.#waitingFor, threads, metaSilentMs});
  }

  #notReady(): string | undefined {
    if (this.#isStopping) return 'the node is stopping';
    if (this.#waitingFor !== undefined) return this.#waitingFor;
    if (this.#running?.isFresh !== true) return 'the catalog is being brought up to date';
    // Requests would wait in it until their deadline, and another node has none that stands still.
    const {engine} = this.#health().subsystems;
    return engine?.status === 'fail' ? engine.message : undefined;
  }
}

/** What the node is called, by whoever may call it. */
function placeOf(options: NodeOptions): {readonly hosts: string[]; readonly isOnLoopback: boolean} {
  const addresses = [options.listen, options.advertise ?? options.listen];
  const hosts = addresses.map((address) => splitAddress(address).host.toLowerCase());
  return {hosts, isOnLoopback: !isBeyondLoopback(options)};
}
