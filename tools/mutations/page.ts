// docs/mutations.md: which seeded bug is caught by what.

import path from 'node:path';
import {renderTable} from '../limits.mjs';
import {MUTATIONS} from './catalogue.ts';
import {ROOT} from './mutation.ts';
import type {Probe, Seeds} from './probe.ts';

export interface Row extends Probe {
  readonly mutation: string;
  readonly trap: string;
}

export const PAGE = path.join(ROOT, 'docs/mutations.md');

/** The core, whose simulation sees whatever is in it. */
const CORE = /^packages\/raft\//;

/** How many bugs of the core its simulation finds by itself. */
function seenBySimulation(lines: readonly (readonly string[])[]): string {
  const ofCore = new Set(MUTATIONS.filter(({file}) => CORE.test(file)).map(({id}) => `\`${id}\``));
  const rows = lines.filter((row) => ofCore.has(row[1]!));
  const seen = rows.filter((row) => row.at(-1) !== '–');
  return `Of the ${rows.length} bugs of the core its simulation alone finds ${seen.length}.`;
}

function head({simulation, chaos, simulator}: Seeds, seen: string): string {
  return `# Mutations

Made by \`npm run mutations\` from \`tools/mutations/\`. Each row is a bug of the shape of a trap, or ("–") against a
rule of the cluster that is none of Raft's, put into the source text as it is loaded, one at a time; the product's code has no switch for it. Then the
tests run, from the cheapest to the dearest, until one fails: the scenarios of the core
(\`packages/raft/testdata\`), its simulation (seeds 1 to ${simulation}), chaos of the hosts (seeds 1 to
${chaos}), the simulated cluster (seeds 1 to ${simulator}; its workload \`cluster\` for bugs that need it), and for
what none of these can reach the suite that is named. Without any mutation all of
them pass; that is run first.

"Seeds" is how many the catching run needed, counted from 1; a scenario and a suite need none. The
column "simulation" tells the same of the core's simulation alone, also where a scenario came first;
"–" where it does not see the bug within its seeds, or does not load that code. ${seen}

`;
}

const COLUMNS = ['trap', 'mutation', 'the bug', 'caught by', 'seeds', 'simulation'];

/** Rows of the page by the mutation's id, as cells. */
export function rowsOf(page: string): Map<string, string[]> {
  const lines = page.split('\n').filter((line) => /^\| (?:T\d+|–) /.test(line));
  const rows = lines.map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
  return new Map(rows.map((row) => [row[1]!.slice(1, -1), row]));
}

/** The page with these rows in place of their former ones, in the order of the catalogue. */
export function renderPage(rows: readonly Row[], seeds: Seeds, before: string): string {
  const cells = rowsOf(before);
  for (const {mutation, caughtBy = 'nobody', seedsNeeded = '', simulationSeeds = '–'} of rows)
    cells.set(mutation, [caughtBy, String(seedsNeeded), String(simulationSeeds)]);
  const lines = MUTATIONS.flatMap(({id, trap, why}) => {
    const row = cells.get(id);
    return row === undefined ? [] : [[trap, `\`${id}\``, why, ...row.slice(-3)]];
  });
  return head(seeds, seenBySimulation(lines)) + renderTable([COLUMNS, ...lines]);
}
