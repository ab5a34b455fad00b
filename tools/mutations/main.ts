// `npm run mutations`: puts each seeded bug into the code, one at a time, says what catches it, and writes
// that into docs/mutations.md.

import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import {endWithReader} from '../../packages/testkit/src/end-with-reader.ts';
import {MUTATIONS} from './catalogue.ts';
import {PAGE, type Row, renderPage} from './page.ts';
import {probe, probeNothing, runSimulator} from './probe.ts';

/** Of the core's simulation. */
const SEEDS = '100';

const USAGE = `usage: npm run mutations -- [--only ID,ID] [--jobs 2] [--seeds ${SEEDS}] [--json]
       npm run mutations -- --simulator SEEDS [--only ID,ID]
  --only       these mutations alone; the other rows of docs/mutations.md stay
  --jobs       so many at a time
  --seeds      of the core's simulation, fewer of what is dearer; the page is written with ${SEEDS} only
  --simulator  tries so many seeds of the simulated cluster alone, and leaves the page
  --json       print the rows as JSON
`;
const OPTIONS = {
  json: {type: 'boolean', default: false},
  only: {type: 'string'},
  jobs: {type: 'string', default: '2'},
  seeds: {type: 'string', default: SEEDS},
  simulator: {type: 'string'},
  help: {type: 'boolean', short: 'h', default: false},
} as const;

function parse() {
  const {values: given} = parseArgs({options: OPTIONS});
  for (const name of ['jobs', 'seeds', 'simulator'] as const) {
    const text = given[name];
    if (text !== undefined && !/^[1-9]\d*$/.test(text))
      throw new Error(`--${name} must be a whole number above 0`);
  }
  const named = given.only?.split(',').map((id) => {
    const mutation = MUTATIONS.find((one) => one.id === id);
    if (mutation === undefined) throw new Error(`no mutation is named ${id}`);
    return mutation;
  });
  return {...given, mutations: named ?? MUTATIONS};
}

function parsed(): ReturnType<typeof parse> {
  try {
    return parse();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(64);
  }
}

endWithReader();
const {mutations, ...values} = parsed();
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}

function say(text: string): void {
  if (!values.json) process.stdout.write(`${text}\n`);
}

/** What the simulated cluster finds by itself of bugs that only a suite has seen. */
async function trySimulator(seedsMax: number): Promise<void> {
  for (const mutation of mutations) {
    const {caughtBy, seeds: seed, detail} = await runSimulator(mutation, seedsMax);
    const found = caughtBy === undefined ? `not in seeds 1 to ${seedsMax}` : `seed ${seed}`;
    say(`${mutation.trap} ${mutation.id}: ${found} ${detail.slice(0, 120)}`);
  }
}

if (values.simulator !== undefined) {
  await trySimulator(Number(values.simulator));
  process.exit(0);
}

const all = Number(values.seeds);
// The dearer a seed, the fewer of them.
const seeds = {
  simulation: all,
  chaos: Math.ceil(all / 20),
  simulator: Math.ceil(all / 40),
};
const rows = new Map<string, Row>();
const suites = [...new Set(mutations.flatMap((one) => one.suites ?? []))];
const seedsOf = (isOfFewSeries: boolean): number => {
  const those = mutations.filter((one) => (one.isOfFewSeries === true) === isOfFewSeries);
  return Math.max(0, ...those.map((one) => one.clusterSeeds ?? 0));
};
await probeNothing(suites, {clusterSeeds: seedsOf(false), fewSeriesSeeds: seedsOf(true)}, seeds);
say('without any mutation: green');

const queue = [...mutations];
async function work(): Promise<void> {
  for (;;) {
    const mutation = queue.shift();
    if (mutation === undefined) return;
    const {id, trap} = mutation;
    const result = await probe(mutation, seeds);
    rows.set(id, {mutation: id, trap, ...result});
    const {caughtBy = 'NOBODY', seedsNeeded, simulationSeeds, detail, seconds} = result;
    const which = seedsNeeded === undefined ? '' : ` seed ${seedsNeeded}`;
    say(
      `${trap} ${id}: ${caughtBy}${which} [${simulationSeeds ?? '-'}] (${seconds} s) ${detail.slice(0, 120)}`,
    );
  }
}
await Promise.all(Array.from({length: Number(values.jobs)}, work));

const inOrder = mutations.map(({id}) => rows.get(id)!);
const uncaught = inOrder.filter(({caughtBy}) => caughtBy === undefined);
if (values.json) process.stdout.write(`${JSON.stringify(inOrder, undefined, 1)}\n`);
// With other seeds the page would say of its older rows what is not so.
const isUsual = values.seeds === SEEDS;
const before = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
if (isUsual) writeFileSync(PAGE, renderPage(inOrder, seeds, before));
say(`${inOrder.length - uncaught.length} caught, ${uncaught.length} not`);
process.exitCode = uncaught.length === 0 ? 0 : 1;
