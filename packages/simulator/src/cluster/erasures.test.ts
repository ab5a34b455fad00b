import {describe, expect, test} from 'vitest';
import {judgeErasable} from '../erasable-register.ts';
import {Kernel} from '../kernel/kernel.ts';
import {Trace} from '../kernel/trace.ts';
import {checkRegister, type RegisterOperation} from '../linearizability.ts';
import {Erasures} from './erasures.ts';

const NAME = 'd1/t0/0/0';

function operation(
  kind: 'write' | 'read',
  value: number,
  [startMs, endMs]: readonly [number, number],
): RegisterOperation {
  return {client: 1, kind, value, startMs, endMs, outcome: 'ok'};
}

/** What is asked beside a drop from 10 to 20, unless that has no end. */
function judged(prefix: 'd1/' | 'd1/t0/', history: RegisterOperation[], isConfirmed = true) {
  const kernel = new Kernel(new Trace(false));
  const erasures = new Erasures(kernel);
  kernel.nowMs = 10;
  const confirmed = erasures.begin(prefix);
  kernel.nowMs = 20;
  if (isConfirmed) confirmed();
  return erasures.judged(NAME, history);
}

function judge(...drop: Parameters<typeof judged>) {
  return judgeErasable(judged(...drop));
}

test('what is written after the confirmation must be there', () => {
  const lost = [operation('write', 1, [21, 22]), operation('read', 0, [23, 24])];
  expect(judge('d1/t0/', lost)).toBe('no order');
  expect(judge('d1/', lost)).toBe('no order');
  expect(judge('d1/t0/', lost, false)).toBe('ordered');
});

test('what was written before it must be gone', () => {
  expect(judge('d1/t0/', [operation('write', 1, [1, 2]), operation('read', 1, [23, 24])])).toBe(
    'no order',
  );
});

test('what is written meanwhile is gone or not, and where it is seen it stays', () => {
  const before = operation('write', 1, [15, 16]);
  expect(judge('d1/t0/', [before, operation('read', 0, [23, 24])])).toBe('ordered');
  const seen = operation('read', 1, [23, 24]);
  expect(judge('d1/t0/', [before, seen])).toBe('ordered');
  expect(judge('d1/t0/', [before, seen, operation('read', 0, [25, 26])])).toBe('no order');
});

test('a write that crosses a drop may come to what was there and to what is there then', () => {
  const crossing = [
    operation('write', 1, [1, 22]),
    operation('read', 1, [3, 4]),
    operation('read', 1, [23, 24]),
  ];
  expect(judge('d1/', crossing)).toBe('ordered');
  expect(judge('d1/t0/', crossing)).toBe('ordered');
  expect(judge('d1/t0/', [...crossing, operation('read', 0, [25, 26])])).toBe('no order');
});

test('without confirmation a write that crosses the drop of its database counts once', () => {
  const crossing = [operation('write', 1, [1, 22]), operation('read', 1, [3, 4])];
  expect(checkRegister(judged('d1/', crossing, false))).toBeUndefined();
});

describe('a destruction from 10 to 20', () => {
  const destroyed = (history: RegisterOperation[], fate: 'erased' | 'spared' | 'unknown') => {
    const kernel = new Kernel(new Trace(false));
    const erasures = new Erasures(kernel);
    kernel.nowMs = 10;
    const destruction = erasures.destroy('d1/');
    if (fate !== 'unknown') destruction[fate].add(NAME);
    destruction.endMs = 20;
    return judgeErasable([...erasures.judged(NAME, history)]);
  };

  test.each<['erased' | 'spared' | 'unknown', string]>([
    ['erased', 'no order'],
    ['spared', 'ordered'],
    ['unknown', 'ordered'],
  ])('of a register that is %s: what was there and is read after it has %s', (fate, expected) => {
    const kept = [operation('write', 1, [1, 2]), operation('read', 1, [21, 22])];
    expect(destroyed(kept, fate)).toBe(expected);
  });

  test('what is gone once is not read again, not even meanwhile', () => {
    const back = [
      operation('write', 1, [1, 2]),
      operation('read', 0, [11, 12]),
      operation('read', 1, [13, 14]),
    ];
    expect(destroyed(back, 'erased')).toBe('no order');
    expect(destroyed(back.slice(0, 2), 'spared')).toBe('no order');
  });

  test('what is acknowledged after it was seen to be empty stays', () => {
    const lost = [
      operation('write', 1, [1, 2]),
      operation('read', 0, [11, 12]),
      operation('write', 2, [13, 14]),
      operation('read', 0, [21, 22]),
    ];
    expect(destroyed(lost, 'erased')).toBe('no order');
    // Before that it may go with the rest.
    expect(destroyed(lost.toSpliced(1, 1), 'erased')).toBe('ordered');
  });

  test('one that its client may have sent twice is seen before it and after', () => {
    const twice = [
      operation('write', 1, [9, 19]),
      operation('read', 1, [11, 12]),
      operation('read', 0, [13, 14]),
      operation('read', 1, [19, 22]),
    ];
    expect(destroyed(twice, 'erased')).toBe('ordered');
  });
});
