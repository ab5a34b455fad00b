// A node that has an identity: connections, engine threads, and what passes between them.

import type {Clock, Log, MemoryLimits, NodeId, Random, StoreId} from '@flotilla/base';
import {Catalog, type CatalogUpdate, type PlanSettings, type Token} from '@flotilla/catalog';
import {CatalogIntake, type CatalogNews} from '@flotilla/meta';
import {NodeLiveness, TIMINGS, type TimingPreset} from '@flotilla/multiraft';
import {BackgroundWorker, type NodeDirectory, type TlsSource} from '../adapters/index.ts';
import {identifyNode, JoinSecret, NodeConnections, type NodeServer} from '../connections/index.ts';
import type {Audit} from '../doors/audit.ts';
import type {EngineOptions, FoundingOrder, FromEngine} from '../engine/messages.ts';
import type {NodeStatus} from '../metrics/node-samples.ts';
import {announce, META_SILENT_MS_MAX} from './announcement.ts';
import {buildFault} from './build-check.ts';
import {CatalogCacheWriter} from './catalog-cache.ts';
import type {EngineClient} from './engine-client.ts';
import {type EngineLink, startLocalEngine, startWorkerEngine} from './engine-link.ts';
import {EXIT_CODES, type ExitCode} from './exit-codes.ts';
import {NodeAddresses} from './node-addresses.ts';
import type {NodeCondition, ThreadCondition} from './node-health.ts';
import {NodeNews} from './node-news.ts';
import {snapshotShare} from './node-options.ts';
import {Relay} from './relay.ts';
import {Remembrance} from './remembrance.ts';
import {ASK_MS_MAX, type Asking, removedText} from './standing.ts';
import {StoreRecords} from './store-records.ts';
import {ThreadVitals} from './thread-vitals.ts';
import {othersOf} from './vouching.ts';

export interface RunningNodeOptions {
  readonly directory: NodeDirectory;
  readonly clusterId: string;
  readonly node: NodeId;
  readonly address: string;
  /** Of --join: others may be there. */
  readonly join: readonly string[];
  /** Undefined: this node connects with no other. */
  readonly secret: JoinSecret | undefined;
  readonly tls: TlsSource | undefined;
  readonly zone: string | undefined;
  readonly timing: TimingPreset;
  readonly version: string;
  /** 0: the one engine runs in the main thread. */
  readonly engineThreads: number;
  readonly memory: MemoryLimits;
  readonly catalog: CatalogUpdate;
  readonly founding: FoundingOrder | undefined;
  readonly server: NodeServer;
  readonly client: EngineClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly isLogPlain: boolean;
  readonly autoCreateDatabase: boolean;
  readonly isInsecure: boolean;
  readonly audit: Audit;
  readonly seriesPerSetMax: number | undefined;
  readonly unloadAfterMs: number | undefined;
  readonly settings: PlanSettings;
  readonly snapshotBytesPerSecond: number;
  readonly onFatal: (code: ExitCode, reason: string) => void;
  /** The loop of the main thread turned, so late. */
  readonly onLook: (lateMs: number) => void;
}

interface ThreadState {
  isStarted: boolean;
  isStopped: boolean;
  hasLoss: boolean;
  readonly startMs: number;
  readonly vitals: ThreadVitals;
  condition: ThreadCondition;
}

export class RunningNode {
  readonly catalog: Catalog;
  readonly #options: RunningNodeOptions;
  readonly #connections: NodeConnections;
  readonly #relay: Relay;
  readonly #liveness: NodeLiveness;
  readonly #background: BackgroundWorker;
  readonly #catalogIntake: CatalogIntake;
  readonly #cache: CatalogCacheWriter;
  readonly #records: StoreRecords;
  readonly #links: EngineLink[] = [];
  readonly #threads: ThreadState[] = [];
  readonly #changed = new Set<() => void>();
  readonly #secret: JoinSecret;
  #isFresh = false;
  #metaHeardAtMs: number;
  #isMetaHeard = false;
  #isStopping = false;
  /** Threads that have not brought back yet what was lost. */
  #lossesLeft = 0;
  readonly #addresses: NodeAddresses;
  readonly #news: NodeNews;
  readonly #remembrance: Remembrance;
  /** An engine thread that failed answers no more: nobody waits for it. */
  #failure: Error | undefined;

  constructor(options: RunningNodeOptions) {
    this.#options = options;
    this.#metaHeardAtMs = options.clock.monotonicMs();
    // One that nobody else has lets nobody in.
    this.#secret = options.secret ?? JoinSecret.random();
    const {directory, clusterId, node, server, clock, random, log} = options;
    this.#news = new NodeNews(log);
    this.catalog = Catalog.fromSnapshot(options.catalog);
    this.#catalogIntake = new CatalogIntake(this.catalog);
    this.#cache = new CatalogCacheWriter(directory.path, this.catalog, clock, log);
    this.#background = new BackgroundWorker({
      directory: directory.path,
      onDeath: (cause) =>
        options.onFatal(EXIT_CODES.backgroundDied, `the background worker died: ${cause.message}`),
    });
    this.#records = new StoreRecords({
      directory: directory.path,
      clock,
      log,
      seen: () => this.#liveness.views(),
    });
    this.#remembrance = new Remembrance({
      directory,
      others: () => othersOf(this.catalog, node),
      clock,
      log,
      threads: () => this.#links.length,
      tellThreads: (message) => this.#tellAll(message),
      onVetted: (other) => this.#liveness.vetted(other),
      onEnd: (code, reason) => this.#fatal(code, reason),
    });
    const self = {
      cluster: clusterId,
      node,
      bootEpoch: directory.bootEpoch,
      life: directory.life,
      timing: options.timing,
      known: (other: NodeId) => this.#records.of(other),
    };
    this.#connections = new NodeConnections({
      self,
      secret: this.#secret,
      tls: options.tls,
      server,
      clock,
      random,
      log,
      isAlive: (other) => this.#liveness.view(other)?.state === 'alive',
    });
    this.#addresses = new NodeAddresses({
      self: node,
      catalog: this.catalog,
      connections: this.#connections,
      isMetaHeard: () => this.#isMetaHeard,
      log,
    });
    this.#relay = new Relay({
      self: node,
      connections: this.#connections,
      liveness: () => this.#liveness,
      isVetted: (other) => other === node || this.#remembrance.isVetted(other),
      log,
    });
    this.#liveness = this.#newLiveness(options);
    this.#connections.onFrame((from, channel, frame) => this.#relay.receive(from, channel, frame));
    this.#connections.onNode((to, state, bootEpoch, known) => {
      // First, so that no group hears of the other node before it has heard what that remembers.
      if (state === 'connected') this.#remembrance.greeted(to, known);
      if (state === 'connected') this.#liveness.connected(to, bootEpoch);
      else this.#liveness.disconnected(to);
    });
  }

  #newLiveness({directory, clock, random, timing, onLook}: RunningNodeOptions): NodeLiveness {
    return new NodeLiveness({
      bootEpoch: directory.bootEpoch,
      life: directory.life,
      clock,
      random,
      transport: {send: (to, _channel, frame) => this.#connections.sendUrgent(to, frame)},
      timing: TIMINGS[timing],
      threads: () => this.#threads.map((thread) => this.#ages(thread)),
      stores: () => this.#threads.flatMap(({vitals}) => vitals.stores()),
      onChange: (to, state) => {
        this.#news.changed(to, state);
        this.#tellAll({type: 'node', node: to, state});
      },
      onStall: (threads) => this.#news.stalled(threads),
      onLook,
    });
  }

  /** Resolves once all engine threads serve, and, where this node founds, the cluster is founded. */
  async start(): Promise<void> {
    const count = Math.max(1, this.#options.engineThreads);
    for (let thread = 0; thread < count; thread++) this.#startThread(thread, count);
    this.#relay.attach(this.#links);
    // One that is alone begins at once: a founding that was broken off goes on before its thread has started.
    this.#remembrance.settle();
    this.#tellCertificates();
    this.#options.tls?.onRenewed(() => this.#tellCertificates());
    this.#addresses.settle();
    this.#liveness.start();
    this.#announce();
    this.#records.start();
    const areStarted = (): boolean => this.#threads.every(({isStarted}) => isStarted);
    await this.#until(() => this.#failure !== undefined || areStarted());
    if (this.#failure !== undefined) throw this.#failure;
    // Of those who wait for others the time counts from here: a long log takes longer to read.
    this.#remembrance.start();
    // First, so that no thread is ordered to make what the store of another has lost.
    this.#tellOfLoss();
    this.#relay.complete();
    this.#options.client.attach(this.#links);
  }

  #tellCertificates(): void {
    const {expiresAtMs, authorityExpiresAtMs} = this.#options.tls?.current ?? {};
    if (expiresAtMs === undefined || authorityExpiresAtMs === undefined) return;
    const ends = {certificateMs: expiresAtMs, authorityMs: authorityExpiresAtMs};
    this.#tellAll({type: 'certificates', ends});
  }

  #tellOfLoss(): void {
    if (!this.#threads.some(({hasLoss}) => hasLoss)) return;
    this.#lossesLeft = this.#links.length;
    for (const [thread, link] of this.#links.entries())
      link.post({type: 'loss', elsewhere: this.#relay.heldBeside(thread)});
  }

  get status(): NodeStatus {
    const alive = [...this.#liveness.views()].filter(({state}) => state === 'alive');
    return {
      connections: this.#connections.status(),
      framesDropped: this.#connections.framesDropped,
      clockOffsetsMs: alive.map(({wallOffsetMs}) => wallOffsetMs),
      writeAgesMs: this.#threads.map((thread) => this.#ages(thread).writeAgeMs),
      certificateEndsAtMs: this.#options.tls?.current.expiresAtMs,
      authorityEndsAtMs: this.#options.tls?.current.authorityExpiresAtMs,
    };
  }

  get condition(): Omit<NodeCondition, 'waitingFor'> {
    const threads = this.#threads.map((thread) => ({...thread.condition, ...this.#ages(thread)}));
    return {threads, metaSilentMs: this.#options.clock.monotonicMs() - this.#metaHeardAtMs};
  }

  /** Undefined before any catalog is here: a cache that is lost must not open the door of administrators. */
  get tokens(): Iterable<Token> | undefined {
    return this.catalog.version === 0 ? undefined : this.catalog.tokens();
  }

  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** Clean: leaders are handed over, all is flushed. Requires that no request is under way. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#tellAll({type: 'stop'});
    const areStopped = (): boolean => this.#threads.every(({isStopped}) => isStopped);
    await this.#until(() => this.#failure !== undefined || areStopped());
    await Promise.all(this.#links.map((link) => link.close()));
    this.#remembrance.stop();
    this.#liveness.stop();
    await this.#connections.close();
    await this.#background.stop();
    await this.#cache.close();
    await this.#records.close();
  }

  #startThread(thread: number, threads: number): void {
    const {clock, engineThreads} = this.#options;
    const state: ThreadState = {
      isStarted: false,
      isStopped: false,
      hasLoss: false,
      startMs: clock.monotonicMs(),
      vitals: new ThreadVitals(this.#storesOf(thread, threads)),
      condition: {isDiskFull: false, faultyReplicas: 0},
    };
    this.#threads.push(state);
    const events = {
      onMessage: (message: FromEngine) => this.#receive(thread, state, message),
      onDeath: (cause: Error) =>
        this.#fatal(EXIT_CODES.engineDied, `engine thread ${thread} died: ${cause.message}`),
    };
    const link =
      engineThreads === 0 ? startLocalEngine(events, clock) : startWorkerEngine(thread, events);
    this.#links.push(link);
    const background = this.#background.connect();
    const {memory} = state.vitals;
    link.post({type: 'start', options: this.#engineOptions(thread, threads, memory), background}, [
      background,
    ]);
  }

  #storesOf(thread: number, threads: number): StoreId[] {
    const stores: StoreId[] = [];
    for (let store = thread; store < this.#options.directory.stores; store += threads)
      stores.push(store as StoreId);
    return stores;
  }

  #engineOptions(thread: number, threads: number, vitals: SharedArrayBuffer): EngineOptions {
    const {directory, node, clusterId, address, zone, timing, version} = this.#options;
    const {catalog, founding} = this.#options;
    const {isLogPlain, autoCreateDatabase, isInsecure, memory} = this.#options;
    const {seriesPerSetMax, unloadAfterMs} = this.#options;
    return {
      thread,
      threads,
      node,
      clusterId,
      bootEpoch: directory.bootEpoch,
      dataDirectory: directory.path,
      address,
      zone,
      timing,
      version,
      stores: this.#storesOf(thread, threads),
      vitals,
      memory,
      isLogPlain,
      autoCreateDatabase,
      isInsecure,
      seriesPerSetMax,
      unloadAfterMs,
      snapshotBytesPerSecond: snapshotShare(this.#options, threads),
      settings: this.#options.settings,
      catalog,
      founding: thread === 0 ? founding : undefined,
    };
  }

  #receive(thread: number, state: ThreadState, message: FromEngine): void {
    switch (message.type) {
      case 'send':
        return this.#relay.send(message.to, message.channel, message.frame);
      case 'condition':
        state.condition = message.condition;
        if (message.condition.isMetaHeard === true)
          this.#metaHeardAtMs = this.#options.clock.monotonicMs();
        return;
      case 'hosted':
        return this.#relay.hosted(message.set, thread, message.isHere);
      case 'buried':
        for (const [set, upto] of message.upto) this.#relay.buried(set, thread, upto);
        return;
      case 'catalog':
        for (const link of this.#links.slice(1)) link.post(message);
        return this.#takeCatalog(message.news);
      case 'notes':
        return this.#links[0]?.post({type: 'notes', thread, news: message.news});
      case 'started':
        state.isStarted = true;
        state.hasLoss = message.hasLoss;
        return this.#notify();
      case 'stopped':
        state.isStopped = true;
        return this.#notify();
      case 'fresh':
        this.#isFresh = true;
        if (message.isMetaLost) return;
        this.#isMetaHeard = true;
        return this.#addresses.settle();
      case 'brought-back':
        this.#lossesLeft -= 1;
        if (this.#lossesLeft === 0) this.#tellAll({type: 'loss-settled'});
        return;
      case 'vetted':
        return this.#remembrance.answered(message.node);
      case 'old-image':
        return this.#remembrance.foundOldImage();
      case 'disowned':
        return this.#remembrance.disowned();
      case 'audit':
        return this.#options.audit.add(message.entry);
      case 'audit-begin':
        return this.#beginAct(thread, message);
      case 'fatal':
        return this.#fatal(EXIT_CODES.storeFailed, message.message);
      default:
        return this.#options.client.receive(message);
    }
  }

  #takeCatalog(news: CatalogNews): void {
    if (this.#catalogIntake.take(news) === undefined) return;
    this.#checkBuild();
    this.#addresses.settle();
    this.#remembrance.settle();
    this.#cache.changed();
  }

  #beginAct(thread: number, {asked, intent}: Extract<FromEngine, {type: 'audit-begin'}>): void {
    this.#options.audit.begin(intent).then(
      (act) => this.#links[thread]?.post({type: 'audit-begun', asked, act}),
      (error: unknown) => this.#fatal(EXIT_CODES.storeFailed, String(error)),
    );
  }

  #checkBuild(): void {
    const fault = buildFault(this.catalog);
    if (fault !== undefined) this.#fatal(EXIT_CODES.buildTooOld, fault);
  }

  #fatal(code: ExitCode, reason: string): void {
    this.#failure ??= new Error(reason);
    this.#options.client.fail('the node is ending after a fault');
    this.#options.onFatal(code, reason);
    this.#notify();
  }

  /** The life that is connected as that node, and lives. Whoever asks may be that, or a copy. */
  livingBeside({node, life, at}: Omit<Asking, 'clusterId'>): number | undefined {
    const living = this.#connections.livingLife(node);
    if (living !== undefined && living !== life)
      this.#options.log.warn({node, at}, 'a second process asks to be a node that lives');
    return living;
  }

  /** Nodes that are members no more: they left, or were declared lost. */
  removed(): NodeId[] {
    return this.#addresses.removed();
  }

  /** Another node says that it is there. */
  heardOf(node: NodeId, address: string): void {
    this.#addresses.heardOf(node, address);
  }

  #announce(): void {
    const {clusterId, node, address, join, tls, clock, log} = this.#options;
    const self = {clusterId, node, address};
    const asking = {clock, secret: this.#secret, tls, timeoutMs: ASK_MS_MAX};
    announce({
      self,
      clock,
      log,
      identify: (other) => identifyNode(other, self, asking),
      addresses: () => [...[...this.catalog.nodes()].map((other) => other.address), ...join],
      unmet: () => this.#addresses.unmet(),
      isKnown: () =>
        this.#isMetaHeard &&
        this.#isConnected &&
        this.condition.metaSilentMs < META_SILENT_MS_MAX &&
        this.catalog.node(node)?.address === address,
      isStopping: () => this.#isStopping,
      onHeard: (other, at) => this.heardOf(other, at),
      onRemoved: () => this.#fatal(EXIT_CODES.startFailed, removedText(node)),
    }).catch((error: unknown) => this.#fatal(EXIT_CODES.startFailed, String(error)));
  }

  /** With any other node: one that no one lets in may be a member no more, and should not wait to learn it. */
  get #isConnected(): boolean {
    return this.#connections.status().some(({connected}) => connected);
  }

  #ages({vitals, startMs}: ThreadState): {turnAgeMs: number; writeAgeMs: number} {
    return vitals.ages(this.#options.clock.monotonicMs(), startMs);
  }

  #tellAll(message: Parameters<EngineLink['post']>[0]): void {
    for (const link of this.#links) link.post(message);
  }

  #notify(): void {
    for (const wake of this.#changed) wake();
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#changed.delete(wake);
          resolve();
        };
        this.#changed.add(wake);
      });
    }
  }
}
