// Goal: whatever follows in time, comes late or is written again, merged as it is due, deleted, hidden or cut short
// by a crash: a scan of times that begin or end where parts do, or beside it, sees what the model says. Method:
// flushes of slices of time, so that there are many parts and most are left out of a scan.

import type {TagPredicate} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {PartVersion} from './part-format.ts';
import {EVERYTHING, HOST, type Query, series} from './replica-model.fixture.ts';
import {type Command, Trial} from './replica-trial.fixture.ts';

const SLICE = 10_000;
const SLICES = 31;
const FIELDS = [0, 1, 4];

/** Of a series in a slice. */
const COUNTS = [1, 5, 10, 120] as const;
const stepOf = (count: number): number => Math.floor(SLICE / count);

const slice = fc.nat({max: SLICES - 1});
/** The first or the last row of a part, as often as not, and one beside it. */
const edge = fc
  .tuple(slice, fc.constantFrom(...COUNTS), fc.constantFrom(0, 0, 1, -1))
  .map(([at, count, by]) => Math.max(0, at * SLICE + (count - 1) * stepOf(count) + by));
const query: fc.Arbitrary<Query> = fc
  .record({
    table: fc.constantFrom(1, 1, 1, 2),
    edges: fc.tuple(edge, edge),
    fields: fc.constantFrom([0], FIELDS, []),
    tags: fc.constantFrom<TagPredicate | undefined>(undefined, {
      op: 'in',
      column: HOST,
      values: ['host_1'],
    }),
  })
  .map(({edges: [a, b], ...rest}) => ({...rest, start: Math.min(a, b), length: Math.abs(a - b)}));

const command: fc.Arbitrary<Command> = fc.oneof(
  {weight: 4, arbitrary: query.map((asked): Command => ({type: 'check', query: asked}))},
  {weight: 2, arbitrary: query.map((asked): Command => ({type: 'delete', query: asked}))},
  {weight: 1, arbitrary: query.map((asked): Command => ({type: 'hold', query: asked}))},
  {weight: 1, arbitrary: edge.map((before): Command => ({type: 'expire', before}))},
  {weight: 3, arbitrary: fc.constant<Command>({type: 'compact', isAll: false})},
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('crash' as const, 'restart' as const, 'snapshot' as const, 'restore' as const)
      .map((type): Command => ({type})),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('die' as const),
      calls: fc.nat({max: 60}),
      during: fc.constantFrom('flush' as const, 'compact' as const),
    }),
  },
);

const flush = fc.record({
  /** Beside the slice that is next, or in its place. */
  late: fc.option(slice, {nil: undefined}),
  isNext: fc.boolean(),
  hosts: fc.integer({min: 1, max: 3}),
  table: fc.constantFrom(1, 1, 1, 1, 2),
  mark: fc.nat({max: 99}),
  fields: fc.constantFrom<readonly number[] | undefined>(undefined, [0], [1], [0, 1]),
  count: fc.constantFrom(...COUNTS),
  /** Now and then, so that there are many parts by then. */
  isMerged: fc.nat({max: 5}).map((rest) => rest === 0),
  after: fc.array(command, {maxLength: 5}),
});
type Flush = typeof flush extends fc.Arbitrary<infer Value> ? Value : never;

/** Parts beside each other by the dozen, whatever the histories by chance come to. */
const IN_ORDER: readonly Flush[] = Array.from({length: 12}, (_, mark) => ({
  late: undefined,
  isNext: true,
  hosts: 2,
  table: 1,
  mark,
  fields: undefined,
  count: 10,
  isMerged: false,
  after: [
    {
      type: 'check',
      query: {table: 1, start: SLICE, length: mark * SLICE, fields: FIELDS, tags: undefined},
    },
  ],
}));

async function flushed(trial: Trial, next: number, {late, isNext, ...shape}: Flush): Promise<void> {
  const {hosts, count, mark, fields, table} = shape;
  await trial.storage.load();
  for (const at of new Set([late ?? next, isNext ? next : (late ?? next)]))
    for (let host = 0; host < hosts; host++) {
      const times = {start: at * SLICE, count, step: stepOf(count)};
      trial.write(series(host, times, mark, fields).map((point) => ({...point, table})));
    }
  await trial.step({type: 'flush', isAwaited: true});
}

test('scans of some of the time see what they should, whatever became of the parts', async () => {
  let partsMax = 0;
  const history = async (versions: PartVersion[], flushes: readonly Flush[]): Promise<void> => {
    const trial = new Trial(versions);
    trial.storage = await trial.fixture.open(1);
    for (const [i, each] of flushes.entries()) {
      await flushed(trial, i % SLICES, each);
      for (const one of each.after) await trial.step(one);
      await trial.storage.load();
      while (each.isMerged && trial.storage.needsCompaction())
        await trial.step({type: 'compact', isAll: false});
      partsMax = Math.max(partsMax, trial.storage.view().parts.length);
    }
    for (const all of EVERYTHING) await trial.check(all);
    await trial.step({type: 'restart'});
    for (const all of EVERYTHING) await trial.check(all);
    await trial.checkAgreement();
    await trial.storage.close();
  };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<PartVersion[]>([1], [2], [4], [1, 2, 4]),
      fc.array(flush, {minLength: 5, maxLength: 45, size: 'max'}),
      history,
    ),
    {
      numRuns: process.env['FLOTILLA_LONGER'] === '1' ? 300 : 20,
      examples: [[[4], IN_ORDER]],
    },
  );
  expect(partsMax).toBeGreaterThanOrEqual(IN_ORDER.length);
}, 600_000);
