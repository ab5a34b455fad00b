import fc from 'fast-check';
import {expect, it} from 'vitest';
import {FlotillaError} from './errors.ts';
import {backoffMs, maySendAgain, NodeRotation} from './retry.ts';

const refused = new FlotillaError('x', {code: 'CONNECTION_FAILED'});

it.each([
  [{code: 'CONNECTION_FAILED'}, true, true],
  [{code: 'OVERLOADED', status: 429}, true, true],
  [{code: 'NO_LEADER', status: 503}, true, true],
  [{code: 'NO_LEADER', status: 503, details: {written: 0}}, true, true],
  [{code: 'NO_LEADER', status: 503, details: {written: 1}}, true, false],
  [{code: 'OVERLOADED', status: 429, details: {deleted: 9}}, true, false],
  [{code: 'OUTCOME_UNKNOWN', status: 504}, true, false],
  [{code: 'HTTP_502', status: 502}, true, false],
  [{code: 'CONNECTION_LOST'}, true, false],
  [{code: 'TIMEOUT'}, true, false],
  [{code: 'NOT_HTTP'}, true, false],
  [{code: 'INTERNAL', status: 500}, false, false],
  [{code: 'DISK_FULL', status: 507}, false, false],
])('%o: repeatable %s, else %s', (fields, repeatable, other) => {
  expect(maySendAgain(new FlotillaError('x', fields), true)).toBe(repeatable);
  expect(maySendAgain(new FlotillaError('x', fields), false)).toBe(other);
});

it("obeys an overloaded node's Retry-After only", () => {
  const overloaded = new FlotillaError('x', {code: 'O', status: 429, retryAfterMs: 5_000});
  const leaderless = new FlotillaError('x', {code: 'N', status: 503, retryAfterMs: 5_000});
  expect(backoffMs(0, overloaded, 0)).toBe(5_000);
  expect(backoffMs(0, leaderless, 0)).toBe(25);
  expect(backoffMs(50, leaderless, 0.999)).toBeLessThanOrEqual(2_000);
});

it('asks every node once a round, those that failed last', () => {
  const names = fc.uniqueArray(fc.string({minLength: 1}), {minLength: 1, maxLength: 6});
  fc.assert(
    fc.property(names, fc.array(fc.nat({max: 5})), (urls, failing) => {
      const nodes = new NodeRotation(urls);
      const failed = new Set(failing.map((i) => urls[i % urls.length]!));
      for (const url of failed) nodes.record(url, refused, 0);
      const tried = new Set<string>();
      const order: string[] = [];
      for (let url = nodes.next(tried, 1); url !== undefined; url = nodes.next(tried, 1)) {
        tried.add(url);
        order.push(url);
      }
      expect([...order].sort()).toEqual([...urls].sort());
      const firstFailed = order.findIndex((url) => failed.has(url));
      if (firstFailed >= 0) {
        expect(order.slice(firstFailed).every((url) => failed.has(url))).toBe(true);
      }
    }),
  );
});

it('suspends a node that stays silent for longer each time, up to half a minute', () => {
  const nodes = new NodeRotation(['a', 'b']);
  const first = (nowMs: number) => nodes.next(new Set(), nowMs);
  const waits: number[] = [];
  let nowMs = 0;
  for (let round = 0; round < 6; round++) {
    for (let request = 0; request < 3; request++) nodes.record('a', refused, nowMs);
    let waitMs = 0;
    while (first(nowMs + waitMs) !== 'a') waitMs += 500;
    waits.push(waitMs);
    nowMs += waitMs;
  }
  expect(waits.map((ms) => Math.round(ms / 2_000) * 2)).toEqual([2, 4, 8, 16, 30, 30]);
  nodes.record('a', undefined, nowMs);
  nodes.record('a', refused, nowMs);
  expect([first(nowMs + 2_000), first(nowMs + 2_000)].sort()).toEqual(['a', 'b']);
});
