import {LIMITS} from '@flotilla/base';
import {VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {AuditTrail} from './audit.ts';

const lines: Record<string, unknown>[] = [];
const file = {append: (line: string) => void lines.push(JSON.parse(line))};

test('a line says who, from where, what, how and with which result', () => {
  lines.length = 0;
  const trail = new AuditTrail(file, new VirtualClock(Date.UTC(2026, 10, 21)));
  trail.add({who: 'ann', from: '::1', what: 'node-drain', how: {id: 3}, result: 'ok'});
  const at = '2026-11-21T00:00:00.000Z';
  expect(lines).toEqual([
    {at, who: 'ann', from: '::1', what: 'node-drain', how: {id: 3}, result: 'ok'},
  ]);
});

test('of a long statement stands the beginning', () => {
  lines.length = 0;
  const trail = new AuditTrail(file, new VirtualClock());
  trail.add({who: 'ann', what: 'drop-tenant', how: 'x'.repeat(1_000_000), result: 'ok'});
  expect((lines[0]!['how'] as string).length).toBe(LIMITS.audit_text_chars_max.value + 3);
  trail.add({who: 'stranger', what: 'drop-tenant', how: 'x'.repeat(4_000), result: 'FORBIDDEN'});
  expect((lines[1]!['how'] as string).length).toBe(203);
});

test('strangers who ask on and on turn out nothing: they are counted', async () => {
  lines.length = 0;
  const clock = new VirtualClock();
  const trail = new AuditTrail(file, clock);
  const refusal = {who: 'stranger', what: 'status', result: 'UNAUTHENTICATED'};
  for (let i = 0; i < 1_000; i++) trail.add(refusal);
  expect(lines.length).toBe(20);
  trail.add({who: 'ann', what: 'node-drain', result: 'ok'});
  expect(lines.length).toBe(21);
  await clock.advance(10_000);
  trail.add(refusal);
  expect(lines.slice(21)).toMatchObject([{what: 'more', how: {requests: 980}}, refusal]);
});
