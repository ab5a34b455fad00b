// /metrics: what the main thread counts itself, beside what the engine threads tell when asked.

import type {Clock, ErrorCode} from '@flotilla/base';
import type {FastifyInstance, FastifyReply} from 'fastify';
import {type ClusterFlags, flagValues} from '../engine/cluster-flags.ts';
import {EXPOSITION_TYPE, exposition} from './exposition.ts';
import {HttpCounts} from './http-counts.ts';
import {type NodeStatus, nodeSamples} from './node-samples.ts';
import {processSamples} from './process-samples.ts';
import {budget, byLabel} from './sample.ts';
import {type ThreadAsker, ThreadScrapes} from './thread-scrapes.ts';
import {ThreadWatch} from './thread-watch.ts';

export interface BodyBytes {
  readonly usedBytes: number;
  readonly maxBytes: number;
}

export interface NodeMetricsDeps {
  readonly clock: Clock;
  readonly version: string;
  readonly directory: string;
  readonly asker: ThreadAsker;
  readonly isReady: () => boolean;
  readonly flags: ClusterFlags;
  /** Undefined while the node is nobody yet. */
  readonly status: () => NodeStatus | undefined;
}

export class NodeMetrics {
  readonly contentType = EXPOSITION_TYPE;
  readonly #deps: NodeMetricsDeps;
  readonly #threads: ThreadScrapes;
  readonly #watch: ThreadWatch;
  readonly #http = new HttpCounts();
  #bodies: BodyBytes = {usedBytes: 0, maxBytes: 0};

  constructor(deps: NodeMetricsDeps) {
    this.#deps = deps;
    this.#threads = new ThreadScrapes(deps.asker, deps.clock);
    this.#watch = new ThreadWatch(deps.clock, 'main');
  }

  /** Before the routes of the app are registered. */
  attach(app: FastifyInstance, bodies: BodyBytes): void {
    this.#http.attach(app);
    this.#bodies = bodies;
  }

  failed(reply: FastifyReply, code: ErrorCode): void {
    this.#http.failed(reply, code);
  }

  start(): void {
    this.#watch.start();
  }

  stop(): void {
    this.#watch.stop();
  }

  /** A timer of the main thread came so late. */
  ticked(lateMs: number): void {
    this.#watch.ticked(lateMs);
  }

  async render(): Promise<string> {
    const {version, directory, isReady, flags} = this.#deps;
    const labels = {version, node_version: process.versions.node};
    const [threads, http, ofProcess] = await Promise.all([
      this.#threads.gather(),
      this.#http.samples(),
      processSamples(directory),
    ]);
    const {usedBytes, maxBytes} = this.#bodies;
    const status = this.#deps.status();
    return exposition([
      {metric: 'flotilla_build_info', labels, value: 1},
      {metric: 'flotilla_ready', value: isReady() ? 1 : 0},
      ...byLabel('flotilla_cluster_flag', 'flag', flagValues(flags)),
      ...budget('bodies', 'main', usedBytes, maxBytes),
      ...http,
      ...(status === undefined ? [] : nodeSamples(status)),
      ...this.#watch.samples(),
      ...threads,
      ...ofProcess,
    ]);
  }
}
