// The routes that were registered, so that a request which none takes can be told what its path does
// take: fastify itself only finds a route by the pattern that it was registered under.

import type {FastifyInstance} from 'fastify';

interface KnownRoute {
  readonly method: string;
  readonly pattern: RegExp;
}

export class KnownRoutes {
  readonly #routes: KnownRoute[] = [];

  /** Requires that the routes are registered afterwards. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({method, url}) => {
      // `:name` takes one segment; nothing else of fastify's patterns is used.
      const pattern = new RegExp(`^${url.replaceAll(/:[A-Za-z]+/g, '[^/]+')}$`);
      for (const each of [method].flat()) {
        // HEAD comes with each GET by itself and is not worth naming.
        if (each !== 'HEAD') this.#routes.push({method: each, pattern});
      }
    });
  }

  methodsOf(path: string): string[] {
    return this.#routes.filter(({pattern}) => pattern.test(path)).map(({method}) => method);
  }
}
