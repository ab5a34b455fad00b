// Statistics of blocks instead of rows: whatever happened to a table, every aggregate answers the same with them,
// without them, and as the rows one after another do (docs/decisions/0017).

import fc from 'fast-check';
import {beforeAll, expect, test} from 'vitest';
import {loadSqlParser} from '../../packages/query/src/index.ts';
import {StorageCounts} from '../../packages/storage/src/index.ts';
import {type Command, Trial} from '../../packages/storage/src/replica-trial.fixture.ts';
import {type Asked, asked, history} from './random-history.ts';
import {ask} from './three-answers.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 80);

beforeAll(loadSqlParser);

async function follow(
  commands: readonly Command[],
  questions: readonly Asked[],
  {versions, counts}: {versions: readonly (1 | 2)[]; counts: StorageCounts},
): Promise<void> {
  const trial = new Trial(versions);
  trial.storage = await trial.fixture.open(1, {counts});
  for (const command of commands) await trial.step(command);
  for (const question of questions) await ask(trial, question);
  await trial.storage.close();
}

test('aggregates are the same with statistics, without them, and by the rows', async () => {
  const counts = new StorageCounts();
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.array(asked, {minLength: 6, maxLength: 6}),
      fc.constantFrom<readonly (1 | 2)[]>([1], [2], [1, 2]),
      (commands, questions, versions) => follow(commands, questions, {versions, counts}),
    ),
    {numRuns: RUNS},
  );
  // Else it would have tried nothing.
  expect(counts.summarisedBlocks).toBeGreaterThan(4 * RUNS);
  expect(counts.decodedBlocks).toBeGreaterThan(4 * RUNS);
});
