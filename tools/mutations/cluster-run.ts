// The simulated cluster in one process, seed after seed, until a law is broken. Prints what was found
// as one line of JSON.

import {Simulation} from '../../packages/simulator/src/simulation.ts';
import {firstLineOf} from './mutation.ts';

const NODES = [3, 4, 5];

async function failingSeed(seedsMax: number): Promise<object> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const caught = {caughtBy: 'simulator', seeds: seed};
    try {
      const nodes = NODES[seed % NODES.length]!;
      const {violations} = await new Simulation({seed, nodes, groups: 4, steps: 20_000}).run();
      const [first] = violations;
      if (first !== undefined) return {...caught, detail: `${first.law}: ${first.message}`};
    } catch (thrown) {
      return {...caught, detail: firstLineOf(thrown)};
    }
  }
  return {};
}

const [seedsMax] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await failingSeed(Number(seedsMax)))}\n`);
