// The fixed corpus: seeds that every build runs. A line is a seed (`cluster` before it for that workload), its
// size, the kinds of faults, disks, stores and threads if not those that it draws, and a word on why it is kept; regressions are seeds that once broke a law.

import {readFileSync} from 'node:fs';
import path from 'node:path';
import type {FaultName} from '../faults/faults.ts';
import type {SimulationOptions, Workload} from '../simulation.ts';
import type {Disks} from '../world/disks.ts';

export interface CorpusEntry {
  readonly options: SimulationOptions;
  readonly why: string;
}

const FILE = path.resolve(import.meta.dirname, '../../corpus.txt');
const LINE =
  /^(cluster )?(\d+) nodes=(\d+) groups=(\d+) steps=(\d+)(?: only=([\w,]+))?(?: disks=(plain|durable))?(?: stores=(\d+))?(?: threads=(\d+))?(?: stale=(yes|no))?(?: orders=(yes|no))?(?: series=(yes|no))? +(.+)$/;

export function readCorpus(): CorpusEntry[] {
  const lines = readFileSync(FILE, 'utf8').split('\n');
  return lines
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = LINE.exec(line);
      if (match === null) throw new Error(`cannot read the corpus: ${line}`);
      const [seed, nodes, groups, steps] = match.slice(2, 6).map(Number);
      const workload: Workload = match[1] === undefined ? 'hosts' : 'cluster';
      const options = {workload, seed: seed!, nodes: nodes!, groups: groups!, steps: steps!};
      const only = match[6]?.split(',') as FaultName[] | undefined;
      const disks = match[7] as Disks | undefined;
      const stores = match[8] === undefined ? undefined : Number(match[8]);
      const threads = match[9] === undefined ? undefined : Number(match[9]);
      const [stale, orders, series] = match.slice(10, 13).map(answered);
      const drawn = {disks, stores, threads, stale, orders, series};
      return {options: {...options, only, ...drawn}, why: match[13]!};
    });
}

function answered(word: string | undefined): boolean | undefined {
  return word === undefined ? undefined : word === 'yes';
}
