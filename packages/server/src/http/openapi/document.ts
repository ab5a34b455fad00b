// OpenAPI 3.1 of the routes as they are registered. Statuses of errors come from the catalogue of
// errors, parameters and bodies from the schemas that the routes parse with.

import {ERRORS, type ErrorCode} from '@flotilla/base';
import {z} from 'zod';
import type {ApiRoute} from './api-route.ts';

type Json = Record<string, unknown>;

export interface DescribedRoute {
  readonly method: string;
  /** As fastify has it: `:name` is a parameter. */
  readonly url: string;
  readonly api: ApiRoute | undefined;
}

/** Routes that say nothing of themselves are left out. */
export function openApiDocument(routes: readonly DescribedRoute[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const {method, url, api} of routes) {
    if (api === undefined) continue;
    const path = url.replaceAll(/:([A-Za-z]+)/g, '{$1}');
    paths[path] = {...paths[path], [method.toLowerCase()]: operation(method, api)};
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Flotilla',
      version,
      description:
        'Every answer has an X-Request-Id. Parameters that a route does not know are refused, but by ' +
        'the routes for clients of InfluxDB.',
      license: {name: 'Apache-2.0', identifier: 'Apache-2.0'},
    },
    paths,
    components: {schemas: ERROR_SCHEMAS},
  };
}

function operation(method: string, api: ApiRoute): Json {
  const {id, summary, params, query, headers, body, answers, errors, errorsOf} = api;
  const parameters = [
    ...parametersOf(params, 'path'),
    ...parametersOf(query, 'query'),
    ...parametersOf(headers, 'header'),
  ];
  const responses: Record<string, Json> = {};
  for (const {status, text, types} of answers)
    responses[status] = {description: text, ...contentOf(types, undefined)};
  for (const [status, codes] of Map.groupBy(new Set(errors), (code) => ERRORS[code].http))
    responses[status] ??= errorResponse(codes, errorsOf);
  return {
    operationId: `${method.toLowerCase()}-${id}`,
    summary,
    ...(parameters.length > 0 ? {parameters} : {}),
    ...(body === undefined || method === 'GET' ? {} : {requestBody: requestBody(body)}),
    responses,
  };
}

function errorResponse(codes: readonly ErrorCode[], errorsOf: ApiRoute['errorsOf']): Json {
  const description = codes.map((code) => `${code}: ${ERRORS[code].doc}`).join('\n');
  const schema = {$ref: `#/components/schemas/${SCHEMA_OF[errorsOf ?? 'flotilla']}`};
  return {description, ...contentOf(['application/json'], schema)};
}

function contentOf(types: readonly string[] | undefined, schema: Json | undefined): Json {
  if (types === undefined) return {};
  const media = schema === undefined ? {} : {schema};
  return {content: Object.fromEntries(types.map((type) => [type, media]))};
}

function requestBody({type, text, schema}: NonNullable<ApiRoute['body']>): Json {
  const media = schema === undefined ? {schema: {type: 'string'}} : {schema: jsonSchema(schema)};
  return {description: text, content: {[type]: media}};
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query' | 'header'): Json[] {
  if (schema === undefined) return [];
  const {properties = {}, required = []} = jsonSchema(schema) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, {description, ...rest}]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : {description}),
    schema: rest,
  }));
}

/** Of what is sent, before defaults and transforms. */
function jsonSchema(schema: z.ZodType): Json {
  const {$schema: _, ...rest} = z.toJSONSchema(schema, {io: 'input', unrepresentable: 'any'});
  return rest;
}

const SCHEMA_OF = {
  flotilla: 'Error',
  'influxdb-1': 'InfluxDB1Error',
  'influxdb-2': 'InfluxDB2Error',
} as const;

const TEXT = {type: 'string'};
const ERROR_SCHEMAS: Json = {
  Error: {
    type: 'object',
    required: ['code', 'message', 'details'],
    properties: {
      code: {enum: Object.keys(ERRORS)},
      message: TEXT,
      details: {type: 'object'},
      error_code: {...TEXT, description: "The same as code, for CnosDB's client."},
      error_message: {...TEXT, description: "The same as message, for CnosDB's client."},
    },
  },
  InfluxDB1Error: {type: 'object', required: ['error'], properties: {error: TEXT}},
  InfluxDB2Error: {
    type: 'object',
    required: ['code', 'message'],
    properties: {code: TEXT, message: TEXT, line: {type: 'integer'}},
  },
};
