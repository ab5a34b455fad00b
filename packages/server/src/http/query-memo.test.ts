import {expect, it} from 'vitest';
import {z} from 'zod';
import {QueryMemo} from './query-memo.ts';

const schema = z.strictObject({db: z.string().max(20).default('public')});

/** A request as fastify gives it. */
const request = (string: string) => ({
  url: `/write${string}`,
  query: Object.fromEntries(new URLSearchParams(string)),
});

it('parses a string once', () => {
  const memo = new QueryMemo(schema);
  const first = memo.parse(request('?db=a'));
  expect(first).toEqual({db: 'a'});
  expect(memo.parse(request('?db=a'))).toBe(first);
  expect(memo.parse(request('?db=b'))).toEqual({db: 'b'});
  expect(memo.parse(request(''))).toEqual({db: 'public'});
});

it('refuses a string each time', () => {
  const memo = new QueryMemo(schema);
  for (let time = 0; time < 2; time++)
    expect(() => memo.parse(request('?what=1'))).toThrow('"what" is not known here');
});

it('forgets rather than grows', () => {
  const memo = new QueryMemo(schema);
  const first = memo.parse(request('?db=0'));
  for (let n = 1; n < 300; n++) memo.parse(request(`?db=${n}`));
  expect(memo.parse(request('?db=0'))).not.toBe(first);
  const padding = '&'.repeat(600);
  const long = memo.parse(request(`?db=0${padding}`));
  expect(memo.parse(request(`?db=0${padding}`))).not.toBe(long);
});
