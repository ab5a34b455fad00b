import {LIMITS} from '@flotilla/base';
import type {FastifyInstance} from 'fastify';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {type FakeGateway, openApp, write} from '../app.fixture.ts';

let app: FastifyInstance;
let gateway: FakeGateway;

beforeEach(() => {
  ({app, gateway} = openApp());
});
afterEach(() => app.close());

describe('POST /api/v1/write', () => {
  test('hands over the body and the defaults', async () => {
    expect(await write(app, '')).toMatchObject({statusCode: 204, payload: ''});
    expect(gateway.writes).toEqual([
      {
        tenant: 'default',
        database: 'public',
        precision: 'ns',
        encoding: '',
        acceptPartial: true,
        waitedMs: expect.any(Number),
        idempotencyKey: undefined,
        body: Buffer.from('cpu v=1'),
        requestId: expect.any(String),
      },
    ]);
  });

  test('hands over what the request says', async () => {
    await write(app, '?db=d&tenant=cnosdb&precision=s&accept_partial=false', {
      'content-encoding': 'gzip',
      'idempotency-key': 'k',
    });
    expect(gateway.writes).toMatchObject([
      {
        tenant: 'default',
        database: 'd',
        precision: 's',
        encoding: 'gzip',
        acceptPartial: false,
        idempotencyKey: 'k',
      },
    ]);
  });

  test.each(['text/plain', 'application/json', 'application/octet-stream', 'a/b', undefined])(
    'takes content type %s as bytes',
    async (type) => {
      const headers: Record<string, string> = type === undefined ? {} : {'content-type': type};
      expect(await write(app, '', headers)).toMatchObject({statusCode: 204});
      expect(gateway.writes[0]?.body).toEqual(Buffer.from('cpu v=1'));
    },
  );

  test('columns are handed over as such, and say their precision themselves', async () => {
    const post = (query: string) =>
      app.inject({method: 'POST', url: `/api/v1/write/columns${query}`, payload: Buffer.of(1, 0)});
    expect(await post('?db=d&accept_partial=false')).toMatchObject({statusCode: 204});
    expect(gateway.writes).toMatchObject([
      {form: 'columns', database: 'd', acceptPartial: false, body: Buffer.of(1, 0)},
    ]);
    const refused = await post('?precision=s');
    expect([refused.statusCode, refused.json()]).toEqual([
      400,
      expect.objectContaining({message: expect.stringContaining('precision')}),
    ]);
    expect((await write(app, '')).statusCode).toBe(204);
    expect(gateway.writes[1]?.form).toBeUndefined();
  });

  test.each([
    ['?db=', 'db'],
    [`?db=${'x'.repeat(256)}`, 'db'],
    ['?accept_partial=perhaps', 'accept_partial'],
    ['?unknown=1', 'unknown'],
    ['?db=a&db=b', 'db'],
  ])('%s is refused by name', async (query, named) => {
    const answer = await write(app, query);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(named),
    });
    expect(gateway.writes).toEqual([]);
  });

  const LONGEST_KEY = 'x'.repeat(LIMITS.idempotency_key_bytes_max.value);
  test.each(['', `${LONGEST_KEY}x`, 'ä'])('Idempotency-Key %j is refused', async (key) => {
    const answer = await write(app, '', {'idempotency-key': key});
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Idempotency-Key: want 1 to 128 printable ASCII bytes',
    });
  });

  test('of idempotency_key_bytes_max it is taken', async () => {
    await write(app, '', {'idempotency-key': LONGEST_KEY});
    expect(gateway.writes).toMatchObject([{idempotencyKey: LONGEST_KEY}]);
  });

  test('database_name_chars_max: a longer name is refused, whatever it names', async () => {
    const longest = 'd'.repeat(LIMITS.database_name_chars_max.value);
    for (const name of ['db', 'tenant']) {
      const answer = await write(app, `?${name}=${longest}d`);
      expect(answer.statusCode).toBe(400);
      const message = `${name}: it is over 128 characters`;
      expect(answer.json()).toMatchObject({code: 'INVALID_ARGUMENT', message});
    }
    await write(app, `?db=${longest}&tenant=${longest}`);
    expect(gateway.writes).toMatchObject([{database: longest, tenant: longest}]);
  });
});
