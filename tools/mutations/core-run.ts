// The consensus core alone, in one process: its scenarios, or its simulation seed after seed, until one
// of them fails. Prints what was found as one line of JSON.

import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {replayScenario} from '../../packages/raft/src/lab/scenario.ts';
import {runSeed} from '../../packages/raft/src/simulation/run.ts';
import {firstLineOf, ROOT} from './mutation.ts';
import type {Finding} from './probe.ts';

const FOLDER = path.join(ROOT, 'packages/raft/testdata');

function failingScenario(): Finding | undefined {
  for (const name of readdirSync(FOLDER).filter((one) => one.endsWith('.txt'))) {
    const text = readFileSync(path.join(FOLDER, name), 'utf8');
    const caughtBy = `scenario ${path.basename(name, '.txt')}`;
    try {
      if (replayScenario(text) === text) continue;
      return {caughtBy, seeds: undefined, detail: 'other answers'};
    } catch (thrown) {
      return {caughtBy, seeds: undefined, detail: firstLineOf(thrown)};
    }
  }
  return undefined;
}

function failingSeed(seedsMax: number): Finding | undefined {
  for (let seed = 1; seed <= seedsMax; seed++) {
    try {
      runSeed(seed);
    } catch (thrown) {
      return {caughtBy: 'simulation', seeds: seed, detail: firstLineOf(thrown)};
    }
  }
  return undefined;
}

const [part, seedsMax] = process.argv.slice(2);
const found = part === 'scenarios' ? failingScenario() : failingSeed(Number(seedsMax));
process.stdout.write(`${JSON.stringify(found ?? {})}\n`);
