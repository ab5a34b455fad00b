// What the routes of InfluxDB 1 and 2 share: a failure of the catalogue goes in, an answer in the
// words of one of those servers comes out. Their clients decide by status and text whether to send a
// batch again or to throw it away, so both are part of what these routes promise.

import type {Log} from '@flotilla/base';
import type {FastifyError, FastifyInstance, FastifyReply} from 'fastify';
import {z} from 'zod';
import type {HttpAnswer} from '../../../engine/gateway.ts';
import type {ErrorAnswer} from '../../error-answer.ts';
import {requestErrorAnswer} from '../../request-errors.ts';

export interface InfluxAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, one line. */
  readonly body: string;
}

export type InfluxWording = (error: ErrorAnswer) => InfluxAnswer;

export const JSON_TYPE = {'content-type': 'application/json'};

/** A refused line, as a write's `details.lines` lists it. */
export interface RefusedLine {
  readonly line: number;
  readonly code: string;
  readonly reason: string;
  readonly text: string;
}

const WriteDetails = z.object({
  written: z.number().default(0),
  rejected: z.number().default(0),
  lines: z
    .array(z.object({line: z.number(), code: z.string(), reason: z.string(), text: z.string()}))
    .default([]),
  replicaSets: z.array(z.object({id: z.string()})).default([]),
});

/** What became of a write that failed; nothing was written where the details are of another kind. */
export function writeDetails({body}: ErrorAnswer): z.infer<typeof WriteDetails> {
  const details = WriteDetails.safeParse(body.details);
  return details.success ? details.data : WriteDetails.parse({});
}

/** Requires an answer of a write that is not 204: its body is the JSON of every error. */
export function failureOf({status, headers, body}: HttpAnswer): ErrorAnswer {
  return {status, headers, body: JSON.parse(new TextDecoder().decode(body))};
}

export function sendInflux(reply: FastifyReply, answer: InfluxAnswer): FastifyReply {
  // As bytes: fastify would add a charset to the type of a string.
  return reply.code(answer.status).headers(answer.headers).send(Buffer.from(answer.body));
}

/** Headers that those servers put on every answer, and their words for whatever goes wrong. */
export function speakInflux(
  app: FastifyInstance,
  {version, log, wording}: {version: string; log: Log; wording: InfluxWording},
): void {
  app.addHook('onSend', async (request, reply) => {
    void reply.headers({
      // A release of InfluxDB 1 for clients that compare numbers; what follows + is not compared.
      'x-influxdb-version': `1.8.10+flotilla.${version}`,
      'x-influxdb-build': 'Flotilla',
      'request-id': request.id,
      'x-request-id': request.id,
    });
  });
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const answer = requestErrorAnswer(error, request, log);
    reply.failedWith(answer.body.code);
    return sendInflux(reply, wording(answer));
  });
}
