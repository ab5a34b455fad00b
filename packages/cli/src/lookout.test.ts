// Who waits for an operation while the node that he named restarts, or does not come back.

import {afterEach, describe, expect, test} from 'vitest';
import {cleanUp, fakeCluster, Refusal, run} from './program.fixture.ts';
import {EXIT} from './terminal.ts';

afterEach(cleanUp);

const RUNNING = {id: 7, kind: 'drain-node', state: 'running', step: 'evacuate'};
const DONE = {...RUNNING, state: 'done', step: 'done'};
const WATCH = ['operation', 'watch', '7'];
/** Longer than a command tries to connect where it has just been answered. */
const AWAY_MS = 4_000;

/** It is killed when it has told of the operation, and of the other nodes, so often. */
async function dying(others: readonly string[], looks = 2) {
  const named = await fakeCluster({
    'GET /admin/v1/operations/7': () => {
      if (--looks === 0) setTimeout(named.stop, 50);
      return looks >= 0 ? RUNNING : DONE;
    },
    'GET /admin/v1/nodes': () => [
      {id: 1, address: new URL(named.url).host},
      ...others.map((url, i) => ({id: 2 + i, address: new URL(url).host})),
    ],
  });
  return named;
}

describe('the node that was named dies', () => {
  test('another one is asked on, and so it goes to and fro', async () => {
    let isBack = false;
    const other = await fakeCluster({
      'GET /admin/v1/operations/7': () => {
        void named.start().then(() => {
          isBack = true;
          other.stop();
        });
        return RUNNING;
      },
    });
    const named = await dying([other.url]);
    const {code, out, err} = await run(WATCH, {url: named.url});
    expect({code, out}).toEqual({code: EXIT.ok, out: 'operation 7 (drain-node): done\n'});
    expect(isBack).toBe(true);
    expect(err).toMatch(
      /cannot connect to \S+: nothing listens there .*; asking the other nodes\n/,
    );
    expect(other.seen.map(({path}) => path)).toEqual(['/admin/v1/operations/7']);
  }, 30_000);

  test('alone it is waited for, and that is said once', async () => {
    const named = await dying([]);
    setTimeout(() => void named.start(), AWAY_MS);
    const {code, err} = await run(WATCH, {url: named.url});
    expect(code).toBe(EXIT.ok);
    expect(err.match(/asking again\n/g)).toHaveLength(1);
  }, 30_000);

  test('after the time that was given it is said how to look again', async () => {
    const named = await dying([]);
    const {code, err} = await run([...WATCH, '--timeout', '0.5', '--url', named.url]);
    expect(code).toBe(EXIT.unavailable);
    expect(err).toContain(
      `operation 7 goes on; watch it with: ./flotilla operation watch 7 --url ${named.url}\n`,
    );
    expect(err).toMatch(/flotilla: cannot connect to /);
  }, 30_000);
});

test('what the cluster refuses is not asked elsewhere', async () => {
  let looks = 0;
  const other = await fakeCluster({});
  const {url} = await fakeCluster({
    'GET /admin/v1/operations/7': () =>
      ++looks < 3 ? RUNNING : new Refusal(404, {code: 'NOT_FOUND', message: 'it is forgotten'}),
    'GET /admin/v1/nodes': () => [{id: 2, address: new URL(other.url).host}],
  });
  const {code, err} = await run(WATCH, {url});
  expect(code).toBe(EXIT.failed);
  expect(err).toContain('it is forgotten');
  expect(err).not.toContain('asking');
  expect(other.seen).toEqual([]);
}, 30_000);
