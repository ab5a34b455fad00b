import type {Operation} from '@flotilla/client';
import {expect, test} from 'vitest';
import {operationLine, renderOperation, renderOperations} from './operation-text.ts';

const NOW_MS = Date.parse('2026-01-01T00:01:00Z');

const moving: Operation = {
  id: 7,
  kind: 'move-replica',
  state: 'running',
  step: 'catch-up',
  percent: 47,
  replicaSet: 12,
  sourceNode: 2,
  targetNode: 4,
  bytes: 512_000_000,
  bytesTotal: 1_024_000_000,
  bytesPerSecond: 64_000_000,
  startedBy: 'operator',
  startedAt: '2026-01-01T00:00:00.000Z',
  estimatedEnd: '2026-01-01T00:01:08.000Z',
  history: [
    {step: 'create', at: '2026-01-01T00:00:00.000Z'},
    {step: 'learner', at: '2026-01-01T00:00:01.500Z'},
    {step: 'catch-up', at: '2026-01-01T00:00:13.500Z'},
  ],
};
const failed: Operation = {
  id: 8,
  kind: 'drain-node',
  state: 'failed',
  step: 'evacuate',
  sourceNode: 3,
  startedBy: 'operator',
  error: 'no node can take what is left: add 1 node, or lower the replicas of their databases',
  errorCode: 'NO_PLACE',
  history: [],
};

test('a list says what is copied, how fast and until when', () => {
  expect(renderOperations([moving, failed], NOW_MS)).toBe(
    [
      'ID  KIND          SET  NODES  STATE              DONE  BYTES               RATE       ENDS      NOTE',
      ' 7  move-replica   12  2 > 4  running, catch-up  47%   512.0 MB of 1.0 GB  64.0 MB/s  in 8.0 s  -',
      ` 8  drain-node      -  3      failed             -     -                   -          -         ${failed.error}`,
      '',
    ].join('\n'),
  );
});

test('a list says who began what, where that has a name', () => {
  const text = renderOperations([{...moving, startedBy: 'ann'}, failed], NOW_MS);
  expect(text).toMatch(/ENDS +BY +NOTE\n/);
  expect(text).toMatch(/in 8.0 s +ann +-\n/);
  expect(text).toContain(`-    ${failed.error}`);
});

test.each([60, 80, 100, 120])('a list fits a terminal of %d columns', (width) => {
  const lines = renderOperations([moving, failed], NOW_MS, {width}).split('\n');
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(Math.max(width, 78));
  expect(lines.map((line) => line.trim()).join(' ')).toContain(failed.error);
});

test('one line while it goes on, and one for its end', () => {
  expect(operationLine(moving, NOW_MS)).toBe(
    'operation 7 (move-replica of replica set 12): running, catch-up, 512.0 MB of 1.0 GB, 64.0 MB/s, in 8.0 s',
  );
  expect(operationLine(failed, NOW_MS)).toBe(`operation 8 (drain-node): failed: ${failed.error}`);
  const result = '3 replicas agree';
  const done = {...failed, state: 'done', kind: 'checksum', error: undefined, result};
  expect(operationLine(done, NOW_MS)).toBe('operation 8 (checksum): done: 3 replicas agree');
});

test('one shows all of its fields, and how long each step took', () => {
  const text = renderOperation(moving);
  expect(text).toContain('bytesTotal      1.0 GB\n');
  expect(text).toContain('bytesPerSecond  64.0 MB/s\n');
  expect(text).toMatch(/create +2026-01-01T00:00:00.000Z +1.5 s\n/);
  expect(text).toMatch(/learner +2026-01-01T00:00:01.500Z +12 s\n/);
  expect(text).toMatch(/catch-up +2026-01-01T00:00:13.500Z +-\n/);
});

const opening: Operation = {
  id: 'bucket-12',
  kind: 'create-bucket',
  state: 'running',
  step: 'create',
  percent: 95,
  database: 'metrics',
  setsOpen: 61,
  setsTotal: 64,
  waitingFor: '1 more of the 3 voters of replica set 70: node 2 (b:8902) does not answer',
  history: [],
};

test('the creation of a bucket says how many of its sets are open, and what the next waits for', () => {
  const said = `61 of 64 replica sets of database metrics open, waiting for ${opening['waitingFor']}`;
  expect(operationLine(opening, NOW_MS)).toBe(
    `operation bucket-12 (create-bucket of database metrics): running, create, ${said}`,
  );
  const list = renderOperations([opening], NOW_MS);
  expect(list).toMatch(/^bucket-12 +create-bucket +running, create +95% /m);
  expect(list).toContain(said);
  const result = 'its 64 replica sets opened in 41 s';
  const done = {...opening, state: 'done', percent: 100, waitingFor: undefined, result};
  expect(operationLine(done, NOW_MS)).toBe(
    `operation bucket-12 (create-bucket of database metrics): done: ${result}`,
  );
  expect(renderOperations([done], NOW_MS)).toContain(` ${result}\n`);
});
