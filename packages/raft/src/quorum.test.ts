import fc from 'fast-check';
import {expect, test} from 'vitest';
import {committedIndex, voteResult} from './quorum.ts';

const RUNS = 2_000;
const ids = fc.uniqueArray(fc.integer({min: 1, max: 7}), {maxLength: 7});
const halves = fc.record({voters: ids, votersOutgoing: ids});

/** Every index is tried; each half counts by hand who reached it. */
function naiveCommitted(
  config: {voters: number[]; votersOutgoing: number[]},
  match: Map<number, number>,
): number {
  const agrees = (half: number[], index: number) =>
    half.length === 0 ||
    half.filter((id) => (match.get(id) ?? 0) >= index).length * 2 > half.length;
  if (config.voters.length + config.votersOutgoing.length === 0) return Infinity;
  for (let index = 20; index > 0; index--) {
    if (agrees(config.voters, index) && agrees(config.votersOutgoing, index)) return index;
  }
  return 0;
}

test('committedIndex is the highest index that both halves reached', () => {
  const match = fc.dictionary(
    fc.integer({min: 1, max: 7}).map(String),
    fc.integer({min: 0, max: 20}),
  );
  fc.assert(
    fc.property(halves, match, (config, reached) => {
      const map = new Map(Object.entries(reached).map(([id, index]) => [Number(id), index]));
      expect(committedIndex(config, map)).toBe(naiveCommitted(config, map));
    }),
    {numRuns: RUNS},
  );
});

test('voteResult is pending exactly while the missing votes decide', () => {
  const votes = fc.dictionary(fc.integer({min: 1, max: 7}).map(String), fc.boolean());
  fc.assert(
    fc.property(halves, votes, (config, cast) => {
      const map = new Map(Object.entries(cast).map(([id, vote]) => [Number(id), vote]));
      const wins = (missing: boolean) =>
        [config.voters, config.votersOutgoing].every(
          (half) =>
            half.length === 0 ||
            half.filter((id) => map.get(id) ?? missing).length * 2 > half.length,
        );
      const expected = wins(false) ? 'won' : wins(true) ? 'pending' : 'lost';
      expect(voteResult(config, map)).toBe(expected);
    }),
    {numRuns: RUNS},
  );
});

test('an empty configuration hinders nobody, so that one half alone decides', () => {
  const none = {voters: [], votersOutgoing: []};
  expect(committedIndex(none, new Map([[1, 7]]))).toBe(Infinity);
  expect(voteResult(none, new Map())).toBe('won');
  const match = new Map([[1, 7]]);
  expect(committedIndex({voters: [1, 2], votersOutgoing: []}, match)).toBe(0);
  expect(committedIndex({voters: [], votersOutgoing: [1]}, match)).toBe(7);
  expect(voteResult({voters: [], votersOutgoing: [1, 2]}, new Map([[1, true]]))).toBe('pending');
});

test('the outgoing half of a simple configuration may be left out', () => {
  const match = new Map([
    [1, 5],
    [2, 4],
  ]);
  expect(committedIndex({voters: [1, 2, 3]}, match)).toBe(4);
  expect(voteResult({voters: [1, 2, 3]}, new Map([[2, true]]))).toBe('pending');
});

test('two quorums of a joint configuration always meet', () => {
  const some = halves.filter(
    ({voters, votersOutgoing}) => voters.length + votersOutgoing.length > 0,
  );
  fc.assert(
    fc.property(some, fc.infiniteStream(fc.boolean()), (config, stream) => {
      const side = new Map<number, boolean>();
      for (const id of [1, 2, 3, 4, 5, 6, 7]) side.set(id, stream.next().value as boolean);
      const other = new Map([...side].map(([id, vote]) => [id, !vote]));
      expect([voteResult(config, side), voteResult(config, other)]).not.toEqual(['won', 'won']);
    }),
    {numRuns: RUNS},
  );
});
