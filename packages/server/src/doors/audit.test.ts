import {DbError, LIMITS, type Log} from '@flotilla/base';
import {VirtualClock} from '@flotilla/testkit';
import {describe, expect, test} from 'vitest';
import {AuditTrail, audited} from './audit.ts';

const lines: Record<string, unknown>[] = [];
const file = {append: async (line: string) => void lines.push(JSON.parse(line))};
const warnings: string[] = [];
const log = {warn: (_: unknown, line: string) => warnings.push(line)} as unknown as Log;
const LIFE = 35;

test('a line says who, from where, what, how and with which result', () => {
  lines.length = 0;
  const trail = new AuditTrail(file, {
    ...{clock: new VirtualClock(Date.UTC(2026, 10, 21)), log, life: LIFE},
  });
  trail.add({who: 'ann', from: '::1', what: 'node-drain', how: {id: 3}, result: 'ok'});
  const at = '2026-11-21T00:00:00.000Z';
  expect(lines).toEqual([
    {at, who: 'ann', from: '::1', what: 'node-drain', how: {id: 3}, result: 'ok'},
  ]);
});

test('of a long statement stands the beginning', () => {
  lines.length = 0;
  const trail = new AuditTrail(file, {clock: new VirtualClock(), log, life: LIFE});
  trail.add({who: 'ann', what: 'drop-tenant', how: 'x'.repeat(1_000_000), result: 'ok'});
  expect((lines[0]!['how'] as string).length).toBe(LIMITS.audit_text_chars_max.value + 3);
  trail.add({who: 'stranger', what: 'drop-tenant', how: 'x'.repeat(4_000), result: 'FORBIDDEN'});
  expect((lines[1]!['how'] as string).length).toBe(203);
});

test('strangers who ask on and on turn out nothing: they are counted', async () => {
  lines.length = 0;
  const clock = new VirtualClock();
  const trail = new AuditTrail(file, {clock, log, life: LIFE});
  const refusal = {who: 'stranger', what: 'status', result: 'UNAUTHENTICATED'};
  for (let i = 0; i < 1_000; i++) trail.add(refusal);
  expect(lines.length).toBe(20);
  trail.add({who: 'ann', what: 'node-drain', result: 'ok'});
  expect(lines.length).toBe(21);
  await clock.advance(10_000);
  trail.add(refusal);
  expect(lines.slice(21)).toMatchObject([{what: 'more', how: {requests: 980}}, refusal]);
});

describe('an act', () => {
  const intent = {who: 'ann', what: 'node-drain', how: {id: 3}};

  test('is on disk before it is done, and its end has the same name', async () => {
    lines.length = 0;
    const trail = new AuditTrail(file, {clock: new VirtualClock(), log, life: LIFE});
    const seen: unknown[] = [];
    const run = async (): Promise<string> => {
      seen.push(...lines.map(({act, result}) => [act, result]));
      return 'drained';
    };
    expect(await audited(trail, intent, run)).toBe('drained');
    expect(seen).toEqual([['z-1', 'begun']]);
    const refused = Promise.reject(new DbError('CONFLICT', 'not now'));
    await expect(audited(trail, intent, () => refused)).rejects.toThrow('not now');
    await expect(audited(trail, intent, () => Promise.reject(new Error('ours')))).rejects.toThrow(
      'ours',
    );
    expect(lines.map(({act, result}) => `${act} ${result}`)).toEqual([
      ...['z-1 begun', 'z-1 ok', 'z-2 begun', 'z-2 CONFLICT', 'z-3 begun', 'z-3 INTERNAL'],
    ]);
    expect(lines.every(({who, what}) => who === 'ann' && what === 'node-drain')).toBe(true);
  });

  test('does not wait for ever for a disk that stands still', async () => {
    warnings.length = 0;
    const clock = new VirtualClock();
    const stuck = {append: () => new Promise<void>(() => undefined)};
    const trail = new AuditTrail(stuck, {clock, log, life: LIFE});
    let isDone = false;
    const done = audited(trail, intent, async () => {
      isDone = true;
    });
    await clock.advance(1_900);
    expect(isDone).toBe(false);
    await clock.advance(200);
    await done;
    expect([isDone, warnings]).toEqual([true, ['the audit log waits for its disk']]);
  });
});
