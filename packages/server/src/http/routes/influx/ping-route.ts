// GET and HEAD /ping: is somebody there, and of which version. 204 as soon as the port is open.

import type {FastifyPluginCallback} from 'fastify';
import {type ApiRoute, PLAIN_ERRORS} from '../../openapi/api-route.ts';
import {speakInflux} from './answer.ts';
import {queryWordingV1} from './wording-v1.ts';
import type {InfluxDeps} from './write-routes.ts';

const API: ApiRoute = {
  id: 'influxdb-ping',
  summary: 'Is somebody there, for clients of InfluxDB?',
  answers: [
    {status: 200, text: 'With verbose=true: the version.', types: ['application/json']},
    {status: 204, text: 'Yes.'},
  ],
  errors: PLAIN_ERRORS,
};

export const influxPingRoute: FastifyPluginCallback<InfluxDeps> = (app, {health, log}, done) => {
  speakInflux(app, {version: health.version, log, wording: queryWordingV1});
  app.route({
    method: ['GET', 'HEAD'],
    url: '/ping',
    config: {api: API},
    // Made of a GET, it would announce a body of 0 bytes, which a 204 must not.
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const {verbose} = request.query as {verbose?: string};
      if (verbose === undefined || verbose === '' || verbose === 'false' || verbose === '0')
        return reply.code(204).send();
      return reply.send({version: health.version});
    },
  });
  done();
};
