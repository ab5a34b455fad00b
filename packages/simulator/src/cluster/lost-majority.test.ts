// Goal: no order of writes, moves and deaths before, and of deaths and lost nodes that come back during it, makes
// a recovery lose what the survivors hold, give an id out twice, or count a replica of a lost node.
// Method: seeds of lost-majority.ts; odd ones rebuild the catalog from an old copy and the stores, each third keeps
// the majority of the meta group.

import {expect, test} from 'vitest';
import {LostMajority} from './lost-majority.ts';

const SEEDS = process.env['FLOTILLA_LONGER'] === undefined ? 6 : 300;

test(
  'what is left of five nodes goes on after two or three are lost, whoever of them comes back',
  async () => {
    let recovered = 0;
    let rebuilt = 0;
    const returns = {refused: 0, cameIn: 0, told: 0};
    for (let seed = 1; seed <= SEEDS; seed++) {
      const run = new LostMajority(seed);
      await run.run();
      expect(run.violations, `SEED=${seed}`).toEqual([]);
      recovered += run.recovered;
      rebuilt += run.rebuilt.length;
      for (const what of ['refused', 'cameIn', 'told'] as const) returns[what] += run.returns[what];
    }
    // The runs meet what they are for.
    expect(recovered).toBeGreaterThan(SEEDS);
    expect(rebuilt).toBeGreaterThan(0);
    expect(Math.min(...Object.values(returns)), JSON.stringify(returns)).toBeGreaterThan(SEEDS);
  },
  SEEDS * 20_000,
);
