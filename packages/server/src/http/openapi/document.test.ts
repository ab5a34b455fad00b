import {readFileSync} from 'node:fs';
import {ERRORS, type Log} from '@flotilla/base';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {NodeClock} from '../../adapters/index.ts';
import {createApp} from '../app.ts';
import type {DescribedRoute} from './document.ts';

const LOG: Log = {info: () => undefined, warn: () => undefined, error: () => undefined};

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly schema: object;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {readonly content: Record<string, {readonly schema: object}>};
  readonly responses: Record<string, {readonly description: string}>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {readonly schemas: Record<string, object>};
}

let app: ReturnType<typeof createApp>;
let document: Document;
let registered: Pick<DescribedRoute, 'method' | 'url'>[];

beforeAll(async () => {
  registered = [];
  const health = {version: '1.2.3', health: () => ({}) as never, notReady: () => undefined};
  const metrics = {
    contentType: 'text/plain',
    render: async () => '',
    // What fastify itself says of each route, whatever the document thinks.
    attach: (to: ReturnType<typeof createApp>) => {
      to.addHook('onRoute', ({method, url}) => {
        for (const each of [method].flat()) registered.push({method: each, url});
      });
    },
    failed: () => undefined,
  };
  app = createApp({gateway: {} as never, health, metrics, log: LOG, clock: new NodeClock()});
  document = (await app.inject('/openapi.json')).json();
});
afterAll(() => app.close());

function operations(): [string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
}

test('each registered route is in the document, and each entry is a route', () => {
  const routes = registered
    .filter(({method}) => method !== 'HEAD')
    .map(({method, url}) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  expect(routes.length).toBeGreaterThan(30);
  expect(
    operations()
      .map(([name]) => name)
      .sort(),
  ).toEqual(routes.sort());
});

test('each operation has an id of its own and a summary in words', () => {
  const all = operations().map(([, operation]) => operation);
  expect(new Set(all.map(({operationId}) => operationId)).size).toBe(all.length);
  expect(all.filter(({summary}) => !/^[A-Z].* .*[.?]$/.test(summary))).toEqual([]);
});

test('the parameters of a path are described, and no others', () => {
  for (const [name, {parameters = []}] of operations()) {
    const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    const described = parameters.filter((each) => each.in === 'path');
    expect(described.map((each) => each.name)).toEqual(inPath);
    expect(described.every(({required}) => required)).toBe(true);
  }
});

test('statuses are those of the codes that they name', () => {
  for (const [name, {responses}] of operations()) {
    for (const [status, {description}] of Object.entries(responses)) {
      for (const [code] of description.matchAll(/^[A-Z_]+(?=: )/gm)) {
        expect([name, code, String(ERRORS[code as keyof typeof ERRORS].http)]).toEqual([
          name,
          code,
          status,
        ]);
      }
    }
  }
});

test('docs/http.md names the changes that take no dry run', () => {
  const isChange = (name: string) => /^(?!GET )\w+ \/admin\//.test(name);
  const withoutTrial = operations()
    .filter(([name, {parameters = []}]) => {
      return isChange(name) && !parameters.some((parameter) => parameter.name === 'dry_run');
    })
    .map(([name]) => name.split(' ')[1]);
  const page = readFileSync(new URL('../../../../../docs/http.md', import.meta.url), 'utf8');
  const [, said = ''] = /^Every change(.*?)takes `\?dry_run=true`/m.exec(page) ?? [];
  const named = [...said.matchAll(/`(.*?)`/g)].map(([, path]) => path);
  expect(named.sort()).toEqual(withoutTrial.sort());
});

test('docs/http.md has each route with the statuses and codes that it may answer, and no others', () => {
  const page = readFileSync(new URL('../../../../../docs/http.md', import.meta.url), 'utf8');
  const [, table = ''] = /^### What each route may answer\n([\s\S]*?)^### /m.exec(page) ?? [];
  const told = [...table.matchAll(/^\|(.* `\/.*)\|(.*)\|(.*)\|$/gm)].flatMap(
    ([, routes = '', statuses = '', codes = '']) =>
      [...routes.matchAll(/([A-Z]+(?:, [A-Z]+)*) `([^`]+)`/g)].flatMap(([, methods, path]) =>
        methods!.split(', ').map((method) => ({
          route: `${method} ${path!.replaceAll(/:(\w+)/g, '{$1}')}`,
          statuses: statuses.match(/\d{3}/g),
          codes: (codes.match(/[A-Z]+(?:_[A-Z]+)*(?=`)/g) ?? []).sort(),
        })),
      ),
  );
  const known = operations().map(([route, {responses}]) => {
    const all = Object.entries(responses).map(([status, {description}]) => ({
      status,
      codes: [...description.matchAll(/^[A-Z_]+(?=: )/gm)].map(([code]) => code),
    }));
    const statuses = all.filter(({codes}) => codes.length === 0).map(({status}) => status);
    return {route, statuses, codes: all.flatMap(({codes}) => codes).sort()};
  });
  const byRoute = (a: {route: string}, b: {route: string}) => (a.route < b.route ? -1 : 1);
  expect(told.sort(byRoute)).toEqual(known.sort(byRoute));
});

test('every reference leads somewhere', () => {
  const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)];
  expect(names.length).toBeGreaterThan(0);
  for (const [, name] of names) expect(document.components.schemas).toHaveProperty(name!);
});

describe('what the schemas say', () => {
  const of = (path: string, method: string): Operation => document.paths[path]![method]!;

  test('of a write', () => {
    const {parameters, responses} = of('/api/v1/write', 'post');
    expect(parameters).toContainEqual({
      name: 'db',
      in: 'query',
      required: false,
      schema: {type: 'string', minLength: 1, maxLength: 128, default: 'public'},
    });
    expect(parameters).toContainEqual(
      expect.objectContaining({name: 'Idempotency-Key', in: 'header', required: false}),
    );
    expect(Object.keys(responses)).toEqual(
      expect.arrayContaining([
        '204',
        '400',
        '404',
        '413',
        '415',
        '429',
        '500',
        '503',
        '504',
        '507',
      ]),
    );
  });

  test('of a body in JSON', () => {
    const body = of('/admin/v1/replica-sets/{id}/move-replica', 'post').requestBody;
    expect(body?.content['application/json']?.schema).toMatchObject({
      required: ['from', 'to'],
      additionalProperties: false,
    });
  });
});
