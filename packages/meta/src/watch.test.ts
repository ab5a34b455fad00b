// Goal: a watch never goes on at a machine that has left, though another replica came to the node.

import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {openMachine} from './fakes.fixture.ts';
import {CatalogWatch, encodeWatchRequest, HEARTBEAT_MS} from './watch.ts';

test('watchers of a member that left are sent to another one', async () => {
  const clock = new VirtualClock();
  const machine = await openMachine(new MemoryDisk());
  // The replica that came after it follows a leader.
  const watch = new CatalogWatch({machine, clock, hasLeader: () => true});
  const request = encodeWatchRequest(machine.catalog.version);
  const frames = watch.serve(request, new AbortController().signal);
  expect((await frames.next()).done).toBe(false);
  const next = frames.next();
  watch.close();
  const outcome = next.then(
    () => 'it went on',
    (error: unknown) => String(error),
  );
  await clock.advance(2 * HEARTBEAT_MS);
  expect(await outcome).toMatch(/NO_LEADER|hears of no leader, or left/);
});
