// GET /openapi.json: the routes of this very node.

import type {FastifyPluginCallback} from 'fastify';
import type {KnownRoutes} from '../known-routes.ts';
import {PLAIN_ERRORS} from '../openapi/api-route.ts';
import {openApiDocument} from '../openapi/document.ts';

const API = {
  id: 'openapi',
  summary: 'This document.',
  answers: [{status: 200, text: 'OpenAPI 3.1.', types: ['application/json']}],
  errors: PLAIN_ERRORS,
};

export const openApiRoute: FastifyPluginCallback<{
  readonly routes: KnownRoutes;
  readonly version: string;
}> = (app, {routes, version}, done) => {
  // Once: the routes are all registered before the first request.
  let document: unknown;
  app.get('/openapi.json', {config: {api: API}}, async () => {
    document ??= openApiDocument(routes.described(), version);
    return document;
  });
  done();
};
