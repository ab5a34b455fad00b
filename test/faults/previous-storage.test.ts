// The storage of the build that was landed before this one, and this one's, over one disk by turns: what one has
// made durable the other opens after a crash, or is sent as a snapshot, and goes on with. After each step scans must
// agree with a model of the replica. Without a history (a tarball) this is skipped.

import {rmSync} from 'node:fs';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import * as own from '../../packages/storage/src/index.ts';
import {expectAgreement} from '../../packages/storage/src/replica-commands.fixture.ts';
import {type StorageBuild, Trial} from '../../packages/storage/src/replica-trial.fixture.ts';
import {isInHistory, makeBuildOf, PREVIOUS_LANDED} from './second-build.ts';

const RUNS = 100;
const TEST_MS_MAX = 120_000;

const isThere = isInHistory(PREVIOUS_LANDED);
let checkout: string;
let previous: StorageBuild;

beforeAll(async () => {
  if (!isThere) return;
  checkout = makeBuildOf(PREVIOUS_LANDED);
  previous = await import(path.join(checkout, 'packages/storage/src/index.ts'));
}, TEST_MS_MAX);
afterAll(() => {
  if (isThere) rmSync(checkout, {recursive: true, force: true});
});

test.skipIf(!isThere).each([
  {first: 'this one', turn: 0},
  {first: 'the one before', turn: 1},
])(
  'a replica that $first began',
  async ({turn}) => {
    const opened = [0, 0];
    const newTrial = (): Trial => {
      let next = turn;
      return new Trial([2, 2, 1], () => {
        const of = next++ % 2;
        opened[of]! += 1;
        return of === 0 ? own : previous;
      });
    };
    expect(previous.ReplicaStorage).not.toBe(own.ReplicaStorage);
    await expectAgreement(newTrial, RUNS);
    expect(Math.min(...opened)).toBeGreaterThanOrEqual(RUNS);
  },
  TEST_MS_MAX,
);
