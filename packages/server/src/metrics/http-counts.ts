// Requests of HTTP clients by route, method and status: patterns of routes, not paths, so that no client
// makes a series of its own. Failures by code, all of them from the beginning: Prometheus sees no increase
// in a series that has just begun.

import {ERRORS, type ErrorCode} from '@flotilla/base';
import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';
import {byLabel, type Sample} from './sample.ts';

export class HttpCounts {
  readonly #requests = new Map<string, {labels: Record<string, string>; count: number}>();
  readonly #errors = new Map((Object.keys(ERRORS) as ErrorCode[]).map((code) => [code, 0]));
  readonly #failed = new WeakSet<FastifyReply>();
  #app: FastifyInstance | undefined;

  /** Before the routes are registered. */
  attach(app: FastifyInstance): void {
    this.#app = app;
    app.addHook('onResponse', (request, reply, done) => {
      this.#count(request, reply);
      done();
    });
  }

  /** A failure of the first rows comes by twice: from the stream and from the error handler. */
  failed(reply: FastifyReply, code: ErrorCode): void {
    if (this.#failed.has(reply)) return;
    this.#failed.add(reply);
    this.#errors.set(code, this.#errors.get(code)! + 1);
  }

  async samples(): Promise<Sample[]> {
    const requests = [...this.#requests.values()].map(({labels, count}) => ({
      metric: 'flotilla_http_requests_total' as const,
      labels,
      value: count,
    }));
    return [
      {metric: 'flotilla_http_connections', value: await this.#connections()},
      ...requests,
      ...byLabel('flotilla_errors_total', 'code', this.#errors),
    ];
  }

  #count({method, routeOptions}: FastifyRequest, {statusCode}: FastifyReply): void {
    const route = routeOptions.url;
    const key = `${route === undefined ? 'other' : method} ${route ?? 'none'} ${statusCode}`;
    const known = this.#requests.get(key);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    const [methodLabel, routeLabel, status] = key.split(' ') as [string, string, string];
    this.#requests.set(key, {labels: {method: methodLabel, route: routeLabel, status}, count: 1});
  }

  #connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#app === undefined) return resolve(0);
      this.#app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }
}
