// The routes that were registered, so that a request which none takes can be told what its path does
// take: fastify itself only finds a route by the pattern that it was registered under.

import type {FastifyInstance} from 'fastify';
import type {DescribedRoute} from './openapi/document.ts';

interface KnownRoute {
  readonly method: string;
  readonly pattern: RegExp;
}

export class KnownRoutes {
  readonly #routes: KnownRoute[] = [];
  readonly #described: DescribedRoute[] = [];

  /** Requires that the routes are registered afterwards. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({method, url, config}) => {
      // `:name` takes one segment; nothing else of fastify's patterns is used.
      const pattern = new RegExp(`^${url.replaceAll(/:[A-Za-z]+/g, '[^/]+')}$`);
      for (const each of [method].flat()) {
        // HEAD comes with each GET by itself and is not worth naming.
        if (each === 'HEAD') continue;
        this.#routes.push({method: each, pattern});
        this.#described.push({method: each, url, api: config?.api});
      }
    });
  }

  /** All of them, with what each says of itself. */
  described(): readonly DescribedRoute[] {
    return this.#described;
  }

  methodsOf(path: string): string[] {
    return this.#routes.filter(({pattern}) => pattern.test(path)).map(({method}) => method);
  }
}
