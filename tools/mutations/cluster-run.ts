// The simulated cluster in one process, seed after seed, until a law is broken: hosts, or the product
// further up. Prints what was found as one line of JSON.

import {simulate} from '../../packages/simulator/src/runs/simulate.ts';
import type {SimulationOptions, Workload} from '../../packages/simulator/src/simulation.ts';
import {firstLineOf} from './mutation.ts';

const NODES = [3, 4, 5];
const THREADS = [1, 2, 3];
const SIZES: Record<Workload, Pick<SimulationOptions, 'groups' | 'steps'>> = {
  hosts: {groups: 4, steps: 20_000},
  cluster: {groups: 8, steps: 30_000},
};

function tell(found: object): void {
  process.stdout.write(`${JSON.stringify(found)}\n`);
}

/** Each number of threads with each number of nodes, within nine seeds. */
function threadsOf(workload: Workload, seed: number): number | undefined {
  if (workload === 'hosts') return undefined;
  return THREADS[Math.floor(seed / NODES.length) % THREADS.length]!;
}

async function failingSeed(workload: Workload, seedsMax: number, series: boolean): Promise<object> {
  const caughtBy = workload === 'hosts' ? 'simulator' : 'simulator, cluster';
  let caught = {caughtBy, seeds: 0};
  // What nobody waits for may break too.
  process.once('uncaughtException', (thrown) => {
    tell({...caught, detail: firstLineOf(thrown)});
    process.exit(0);
  });
  for (let seed = 1; seed <= seedsMax; seed++) {
    caught = {caughtBy, seeds: seed};
    try {
      const nodes = NODES[seed % NODES.length]!;
      const threads = threadsOf(workload, seed);
      const size = SIZES[workload];
      const {violations} = await simulate({workload, seed, nodes, threads, series, ...size});
      const [first] = violations;
      if (first !== undefined) return {...caught, detail: `${first.law}: ${first.message}`};
    } catch (thrown) {
      return {...caught, detail: firstLineOf(thrown)};
    }
  }
  return {};
}

const [workload, seedsMax, what] = process.argv.slice(2);
tell(await failingSeed(workload as Workload, Number(seedsMax), what === 'few-series'));
