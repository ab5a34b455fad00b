import type {Rpc} from '@flotilla/base';
import {SeededRandom} from '@flotilla/base';
import {VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {SILENT} from './fakes.fixture.ts';
import type {MetaService} from './meta-service.ts';
import {Reconciler} from './reconciler.ts';

test('nothing is planned from a catalog that is behind what was committed', async () => {
  const clock = new VirtualClock();
  let looks = 0;
  const none = () => [].values();
  const catalog = {
    version: 9,
    nodes: none,
    databases: none,
    operations: none,
    unfinishedOperations: none,
    // What looking at the sets begins with.
    replicaSet: () => {
      looks += 1;
      return undefined;
    },
    metaSet: () => undefined,
    replicaSets: none,
  };
  const service = {
    isLeader: () => true,
    onUpdate: () => () => undefined,
    readIndex: async () => 10,
    catalog,
  } as unknown as MetaService;
  const rpc = {} as Rpc;
  const reconciler = new Reconciler({
    service,
    rpc,
    clock,
    random: new SeededRandom(1),
    log: SILENT,
  });
  reconciler.start();
  await clock.advance(2_000);
  expect(looks).toBe(0);
  // What was missing arrives.
  catalog.version = 10;
  await clock.until(() => looks > 0, 5_000);
  expect(looks).toBeGreaterThan(0);
  reconciler.stop();
});
