import {LIMITS} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {IdempotencyKeys} from './idempotency-keys.ts';

const WIDE = {max: 100, bytesMax: 1e6};

test('keys are forgotten in log order', () => {
  const bounds = {max: 2, bytesMax: 1e6};
  const keys = new IdempotencyKeys(bounds);
  for (const key of ['k\0a', 'k\0b', 'k\0c']) keys.remember(key);
  expect(keys.unseen('k\0a', ['t'])).toEqual(['t']);
  expect(keys.record()).toEqual(['k\0b', 'k\0c']);
  expect(new IdempotencyKeys(bounds, keys.record()).unseen('k\0b', ['t'])).toBe(undefined);
});

test('of a share of several tables those are new that no share has brought under its key', () => {
  const keys = new IdempotencyKeys(WIDE);
  keys.remember('k\0whole,a,b');
  expect(keys.unseen('k\0whole,a,b', ['A', 'B'])).toBe(undefined);
  expect(keys.unseen('k\0other,c,b', ['C', 'B'])).toEqual(['C']);
  expect(keys.unseen('k\0other,b,a', ['B', 'A'])).toBe(undefined);
  expect(keys.unseen('k\0b', ['B'])).toBe(undefined);
  expect(keys.unseen('k\0c', ['C'])).toEqual(['C']);
  expect(keys.unseen('other\0whole,a,b', ['A', 'B'])).toEqual(['A', 'B']);
});

test('what was sent before tables had names is known after it, and in pieces by themselves', () => {
  const keys = new IdempotencyKeys(WIDE);
  keys.remember('k\0whole');
  expect(keys.unseen('k\0whole,a,b', ['A', 'B'])).toBe(undefined);
  keys.remember('k\0c');
  expect(keys.unseen('k\0next,a,c', ['A', 'C'])).toEqual(['A']);
});

test('a table that a later share brought again is known as long as that one', () => {
  const keys = new IdempotencyKeys({max: 2, bytesMax: 1e6});
  keys.remember('k\0one,a,b');
  keys.remember('k\0two,b,c');
  keys.remember('k\0d');
  expect(keys.unseen('k\0a', ['A'])).toEqual(['A']);
  expect(keys.unseen('k\0b', ['B'])).toBe(undefined);
});

test('names of many tables have a bound of their own, and the last share is always known', () => {
  const keys = new IdempotencyKeys({max: 10_000, bytesMax: 4_000});
  const of = (i: number) => `k\0whole${i},${Array.from({length: 30}, (_, t) => `${i}-${t}`)}`;
  for (let i = 0; i < 10; i++) {
    keys.remember(of(i));
    expect(keys.unseen(of(i), Array(30))).toBe(undefined);
  }
  expect(keys.record()).toEqual([of(9)]);
  expect(keys.unseen(`k\0${'8-7'}`, ['t']), 'its names have gone with it').toEqual(['t']);
});

test('keys of one name each never reach the bound of memory: builds that have none agree', () => {
  const {idempotency_keys_max, idempotency_names_bytes_max, idempotency_key_bytes_max} = LIMITS;
  const bounds = {
    max: idempotency_keys_max.value,
    bytesMax: idempotency_names_bytes_max.value,
  };
  const keys = new IdempotencyKeys(bounds);
  const client = 'c'.repeat(idempotency_key_bytes_max.value);
  for (let i = 0; i < bounds.max; i++) keys.remember(`${client}\0${`${i}`.padStart(15, 'n')}`);
  expect(keys.record()).toHaveLength(bounds.max);
});

/** The law in plain lists: a share is remembered by its names, the last `max` shares. */
class Reference {
  shares: string[][] = [];

  apply(names: readonly string[], max: number): string[] {
    const known = new Set(this.shares.flat());
    const fresh = names.filter((name) => !known.has(name));
    if (fresh.length === 0) return fresh;
    this.shares = [...this.shares, [...names]].slice(-max);
    return fresh;
  }
}

test('each table is new once while it is remembered, whatever shares bring it, through records too', () => {
  const share = fc.uniqueArray(fc.constantFrom(...'abcdef'), {minLength: 1, maxLength: 4});
  const step = fc.record({names: share, restart: fc.boolean()});
  fc.assert(
    fc.property(fc.array(step, {maxLength: 40}), (steps) => {
      const bounds = {max: 5, bytesMax: 1e6};
      let keys = new IdempotencyKeys(bounds);
      const reference = new Reference();
      for (const {names, restart} of steps) {
        if (restart) keys = new IdempotencyKeys(bounds, JSON.parse(JSON.stringify(keys.record())));
        const key = `k\0${names.length === 1 ? names[0] : `${names.join('+')},${names.join(',')}`}`;
        const fresh = keys.unseen(key, names) ?? [];
        if (fresh.length > 0) keys.remember(key);
        expect(fresh).toEqual(reference.apply(names, bounds.max));
      }
    }),
  );
});
