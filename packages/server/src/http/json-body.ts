// The body of an order of /admin/v1: JSON, or nothing.

import type {FastifyRequest} from 'fastify';
import {z} from 'zod';
import {parseOrThrow} from './parse-or-throw.ts';
import {refuseEncoded} from './refuse-encoded.ts';

const Json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    context.addIssue({
      code: 'custom',
      message: `the body is not JSON: ${(error as Error).message}`,
    });
    return z.NEVER;
  }
});

export function jsonBody(request: FastifyRequest): unknown {
  refuseEncoded(request.headers['content-encoding'], 'what is wanted');
  const body = request.body as Buffer | undefined;
  if (body === undefined || body.length === 0) return {};
  return parseOrThrow(Json, body.toString('utf8'));
}
