import fc from 'fast-check';
import {expect, test} from 'vitest';
import {judgeErasable} from './erasable-register.ts';
import {checkRegister, type RegisterOperation} from './linearizability.ts';

type Spec = readonly [
  kind: 'write' | 'read',
  value: number,
  startMs: number,
  endMs: number,
  outcome?: RegisterOperation['outcome'],
];

const history = (...specs: Spec[]): RegisterOperation[] =>
  specs.map(([kind, value, startMs, endMs, outcome = 'ok'], client) => ({
    ...{client, kind, value, startMs, endMs, outcome},
  }));

test('what was erased does not come back', () => {
  const erased = history(['write', 7, 0, 1], ['write', 0, 2, 3], ['read', 0, 4, 5]);
  expect(judgeErasable(erased)).toBe('ordered');
  const back = history(['write', 7, 0, 1], ['write', 0, 2, 3], ['read', 7, 4, 5]);
  expect(judgeErasable(back)).toBe('no order');
});

test('what was not erased is not lost', () => {
  expect(judgeErasable(history(['write', 7, 0, 1], ['read', 0, 2, 3]))).toBe('no order');
  const refused = history(['write', 7, 0, 1], ['write', 0, 2, 3, 'refused'], ['read', 0, 4, 5]);
  expect(judgeErasable(refused)).toBe('no order');
});

test('an erasure of unknown outcome happens once at most, at any later time', () => {
  const late = history(
    ['write', 7, 0, 1],
    ['write', 0, 2, Infinity, 'unknown'],
    ['read', 7, 4, 5],
    ['read', 0, 6, 7],
  );
  expect(judgeErasable(late)).toBe('ordered');
  const twice = [...late, ...history(['write', 8, 8, 9], ['read', 0, 10, 11])];
  expect(judgeErasable(twice)).toBe('no order');
});

test('an unknown erasure that has an end happened by then, or never', () => {
  const seen = history(['write', 5, 0, 1], ['read', 5, 4, 5], ['read', 0, 6, 7]);
  const erasure = {client: 9, kind: 'write', value: 0, startMs: 2, outcome: 'unknown'} as const;
  expect(judgeErasable([...seen, {...erasure, endMs: Infinity}])).toBe('ordered');
  expect(judgeErasable([...seen, {...erasure, endMs: 3}])).toBe('no order');
  expect(judgeErasable([...seen.slice(0, 2), {...erasure, endMs: 3}])).toBe('ordered');
  expect(judgeErasable([seen[0]!, seen[2]!, {...erasure, endMs: 3}])).toBe('ordered');
});

test('without erasures it agrees with the search of other registers', () => {
  const operation = fc.record({
    kind: fc.constantFrom('write' as const, 'read' as const),
    value: fc.integer({min: 0, max: 4}),
    startMs: fc.integer({min: 0, max: 20}),
    lastsMs: fc.integer({min: 1, max: 10}),
    outcome: fc.constantFrom('ok' as const, 'ok' as const, 'unknown' as const, 'refused' as const),
  });
  fc.assert(
    fc.property(fc.array(operation, {maxLength: 9}), (drawn) => {
      const written = new Set<number>([0]);
      const specs = drawn.flatMap(({kind, value, startMs, lastsMs, outcome}, client) => {
        if (kind === 'write' && written.has(value)) return [];
        if (kind === 'write') written.add(value);
        // Odd starts and even ends never touch.
        const endMs = outcome === 'unknown' ? Infinity : 2 * (startMs + lastsMs) + 1;
        return [{client, kind, value, startMs: 2 * startMs, endMs, outcome}];
      });
      const isOrdered = checkRegister(specs) === undefined;
      expect(judgeErasable(specs)).toBe(isOrdered ? 'ordered' : 'no order');
    }),
  );
});
