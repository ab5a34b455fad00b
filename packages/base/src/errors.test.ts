import {expect, test} from 'vitest';
import {DbError, ERRORS, fromWireError, toWireError} from './errors.ts';
import {LIMITS} from './limits.ts';

test('an error crosses the wire with code, message and details', () => {
  const error = new DbError('NOT_LEADER', 'ask node 2', {leader: 2});
  const back = fromWireError(JSON.parse(JSON.stringify(toWireError(error))));
  expect(back).toMatchObject({code: 'NOT_LEADER', message: 'ask node 2', details: {leader: 2}});
});

test('an unexpected error loses its text on the wire', () => {
  expect(toWireError(new Error('secret path'))).toEqual({
    code: 'INTERNAL',
    message: 'internal error',
    details: {},
  });
});

test('a code of a newer node becomes INTERNAL', () => {
  expect(fromWireError({code: 'FROM_THE_FUTURE', message: 'x', details: {}}).code).toBe('INTERNAL');
});

test('statuses and retry classes agree', () => {
  for (const [code, traits] of Object.entries(ERRORS)) {
    expect(traits.http, code).toBeGreaterThanOrEqual(400);
    const retryable = traits.retry !== 'never';
    expect([429, 503, 504, 507].includes(traits.http), code).toBe(retryable);
    expect(traits.doc.length, code).toBeGreaterThan(10);
  }
});

test('every limit has a reason', () => {
  for (const [name, limit] of Object.entries(LIMITS)) {
    expect(limit.value, name).toBeGreaterThan(0);
    expect(limit.why.length, name).toBeGreaterThan(10);
  }
});
