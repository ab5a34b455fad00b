import {expect, test} from 'vitest';
import {Chain} from './chain.ts';
import {bytesKept} from './collections.fixture.ts';

function valuesOf<Value>(chain: Chain<Value>): Value[] {
  const values: Value[] = [];
  for (let link = chain.first; link !== undefined; link = link.after) values.push(link.value);
  return values;
}

test('values stay in the order in which they came, whichever is taken out', () => {
  for (const [at, left] of [
    [0, ['b', 'c']],
    [1, ['a', 'c']],
    [2, ['a', 'b']],
  ] as const) {
    const chain = new Chain<string>();
    const links = ['a', 'b', 'c'].map((value) => chain.add(value));
    expect(chain.delete(links[at]!)).toBe(true);
    expect(valuesOf(chain)).toEqual(left);
    chain.add('d');
    expect(valuesOf(chain)).toEqual([...left, 'd']);
  }
});

test('a link is taken out once, and of its own chain', () => {
  const [one, other] = [new Chain<string>(), new Chain<string>()];
  const link = one.add('a');
  expect(other.delete(link)).toBe(false);
  expect([one.delete(link), one.delete(link), one.isEmpty]).toEqual([true, false, true]);
});

test('what was taken out keeps none of the others alive', () => {
  const chain = new Chain<string>();
  const links = ['a', 'b', 'c'].map((value) => chain.add(value));
  chain.delete(links[1]!);
  expect([links[1]!.before, links[1]!.after]).toEqual([undefined, undefined]);
});

test('what has left it is young garbage, also behind a full collection', () => {
  const chain = new Chain<object>();
  const kept = bytesKept((value) => {
    const link = chain.add(value);
    return () => chain.delete(link);
  });
  expect(kept).toBeLessThan(2 * 1024 * 1024);
});
