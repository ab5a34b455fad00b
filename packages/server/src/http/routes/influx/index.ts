// The doors for clients of InfluxDB.

import type {FastifyPluginCallback} from 'fastify';
import type {InfluxWording} from './answer.ts';
import {influxPingRoute} from './ping-route.ts';
import {influxQueryRoute} from './query-route.ts';
import {queryWordingV1, writeWordingV1} from './wording-v1.ts';
import {wordingV2} from './wording-v2.ts';
import {type InfluxWriteDeps, influxV1WriteRoute, influxV2WriteRoute} from './write-routes.ts';

export const influxRoutes: FastifyPluginCallback<InfluxWriteDeps> = (app, deps, done) => {
  app.register(influxV1WriteRoute, deps);
  app.register(influxV2WriteRoute, deps);
  app.register(influxPingRoute, deps);
  app.register(influxQueryRoute, deps);
  done();
};

const WORDINGS: ReadonlyMap<string, InfluxWording> = new Map([
  ['/write', writeWordingV1],
  ['/api/v2/write', wordingV2],
  ['/ping', queryWordingV1],
  ['/query', queryWordingV1],
]);

/** How a wrong method of one of these paths is answered; undefined for every other path. */
export function influxWordingOf(path: string): InfluxWording | undefined {
  return WORDINGS.get(path);
}
