// Requests of HTTP clients by route, method and status: patterns of routes, not paths, so that no client
// makes a series of its own.

import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';
import type {Sample} from './sample.ts';

export class HttpCounts {
  readonly #requests = new Map<string, {labels: Record<string, string>; count: number}>();
  #app: FastifyInstance | undefined;

  /** Before the routes are registered. */
  attach(app: FastifyInstance): void {
    this.#app = app;
    app.addHook('onResponse', (request, reply, done) => {
      this.#count(request, reply);
      done();
    });
  }

  async samples(): Promise<Sample[]> {
    const requests = [...this.#requests.values()].map(({labels, count}) => ({
      metric: 'flotilla_http_requests_total' as const,
      labels,
      value: count,
    }));
    return [{metric: 'flotilla_http_connections', value: await this.#connections()}, ...requests];
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
