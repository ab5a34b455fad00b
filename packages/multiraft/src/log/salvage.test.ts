// Goal: a log that takes a damaged one's place tells numbers that go on where that one ended, whatever
// renumbered it before: lower ones would be taken for a loss, and with ones beyond the next life's
// beginning a loss of that life would go unnoticed. Method: random lives of a log, set aside at the end.

import {type ReplicaId, type ReplicaSetId, SeededRandom} from '@flotilla/base';
import {MemoryDisk} from '@flotilla/testkit';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {setAside} from './salvage.ts';
import {SegmentLog} from './segment-log.ts';

const key = {set: 1 as ReplicaSetId, replica: 11 as ReplicaId};
const SEGMENT_BYTES = 300;

/** One life of the store: what it appends, and whether it is told that it lost something. */
const life = fc.record({appends: fc.nat(12), lostAhead: fc.option(fc.integer({min: 1, max: 50}))});

test('numbers go on where the damaged log ended', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, {minLength: 1, maxLength: 6}), async (lives) => {
      const disk = new MemoryDisk();
      const place = {disk, path: 'store/log', random: new SeededRandom(1)};
      const open = (bootEpoch: number) =>
        SegmentLog.open({...place, segmentBytes: SEGMENT_BYTES, bootEpoch});
      let told = 0;
      for (const [at, {appends, lostAhead}] of lives.entries()) {
        const log = await open(at + 1);
        if (at === 0) await log.append([{type: 'create', ...key, founding: undefined}]);
        for (let i = 0; i < appends; i++) {
          // Where they are told of a loss, numbers begin anew in the middle of a life.
          if (i === 5 && lostAhead !== null) await log.disown(log.durableRecord + lostAhead);
          await log.append([{type: 'failover', ...key, manual: i % 2 === 0}]);
        }
        told = log.durableRecord;
        await log.close();
      }
      const bootEpoch = lives.length + 1;
      await setAside({...place, bootEpoch}, (path, directory) =>
        SegmentLog.create({...place, path, bootEpoch}, directory),
      );
      const salvaged = await open(bootEpoch);
      expect(salvaged.durableRecord).toBe(told + 1);
      await salvaged.close();
    }),
    {numRuns: 100},
  );
});
