// Goal: a bucket of a database takes no more series than `max_series` says, whoever writes what at once; who is
// refused is told why and what to do, and everything else goes on. Method: three processes, bodies with new and
// known series sent to all of them side by side, what is there counted by SHOW CARDINALITY.

import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {flotillaAt} from './command-line.ts';
import {until} from './waiting.ts';

const START_MS_MAX = 120_000;
const TEST_MS_MAX = 60_000;
const DATABASE = 'bounded';
const SHARDS = 4;
const MAX = 40;
const T0_S = 1_600_000_000;
const WEEK_S = 604_800;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3});
  client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
  await client.query(`CREATE DATABASE ${DATABASE} WITH SHARD ${SHARDS} MAX_SERIES ${MAX}`);
}, START_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

interface Refusal {
  readonly code: string;
  readonly details: {
    readonly written: number;
    readonly rejected: number;
    readonly lines: readonly {line: number; code: string; reason: string}[];
  };
}

function line(host: number, timeS = T0_S): string {
  return `m,host=h${host} v=1 ${timeS}`;
}

/** By that node; again where it is told to come later. Undefined: all is written. */
async function send(node: number, lines: readonly string[]): Promise<Refusal | undefined> {
  const url = `${cluster.urls[node]}/api/v1/write?db=${DATABASE}&precision=s`;
  for (;;) {
    const answer = await fetch(url, {method: 'POST', body: lines.join('\n')});
    const text = await answer.text();
    if (answer.status === 204) return undefined;
    if (answer.status === 400) return JSON.parse(text) as Refusal;
    expect([429, 503], text).toContain(answer.status);
  }
}

async function knownHosts(): Promise<number[]> {
  const shown = await client.query('SHOW TAG VALUES FROM m WITH KEY = host');
  return shown.map(({value}) => Number(String(value).slice(1)));
}

test(
  'many new series at once: as many are taken as may be, and each other line is named',
  async () => {
    // Ten bodies by each node; each series comes by all three, in another order.
    const hosts = Array.from({length: 300}, (_, i) => i);
    const bodies = hosts
      .filter((host) => host % 30 === 0)
      .flatMap((from) => {
        const some = hosts.slice(from, from + 30);
        return [some, some.toReversed(), some.toSorted((a, b) => (a % 7) - (b % 7))];
      });
    const answers = await Promise.all(
      bodies.map((some, i) =>
        send(
          i % 3,
          some.map((host) => line(host)),
        ),
      ),
    );
    const known = new Set(await knownHosts());
    expect(known.size).toBe(MAX);
    const refused = answers.flatMap((answer) => answer?.details.lines ?? []);
    expect(refused.length).toBeGreaterThan(hosts.length - MAX);
    expect(new Set(refused.map(({code}) => code))).toEqual(new Set(['SERIES_LIMIT']));
    // What was said to be written is there.
    for (const [i, answer] of answers.entries()) {
      const away = new Set((answer?.details.lines ?? []).map((one) => bodies[i]![one.line - 1]!));
      for (const host of bodies[i]!) if (!away.has(host)) expect(known).toContain(host);
    }
    const [whole] = await client.query('SHOW CARDINALITY');
    expect(whole).toMatchObject({kind: 'database', series: MAX});
    const rows = await client.query('SELECT count(*) AS n FROM m');
    expect(rows).toEqual([{n: MAX}]);
  },
  TEST_MS_MAX,
);

test(
  'known series go on beside refused ones, and the answer says what to do',
  async () => {
    const known = await knownHosts();
    const lines = known.map((host) => line(host, T0_S + 1));
    for (const node of [0, 1, 2]) {
      const refusal = await send(node, [line(7_000 + node), ...lines, line(8_000 + node)]);
      expect(refusal).toMatchObject({
        code: 'LINES_REJECTED',
        details: {written: MAX, rejected: 2, lines: [{line: 1}, {line: MAX + 2}]},
      });
      for (const {code, reason} of refusal!.details.lines) {
        expect(code).toBe('SERIES_LIMIT');
        expect(reason).toContain(
          `database "${DATABASE}" takes ${MAX} series in a bucket (max_series), ${MAX / SHARDS} in each of its ${SHARDS} shards`,
        );
        expect(reason).toContain(`ALTER DATABASE "${DATABASE}" SET MAX_SERIES`);
      }
      expect(await send(node, lines)).toBeUndefined();
    }
    // Another bucket has as many of its own.
    expect(await send(0, [line(known[0]!, T0_S + WEEK_S)])).toBeUndefined();
  },
  TEST_MS_MAX,
);

test(
  'the limit is raised, lowered and taken away while its database is written to',
  async () => {
    const taken = async (from: number): Promise<void> => {
      const more = Array.from({length: 60}, (_, i) => line(from + i));
      await until('each node knows of it', async () => {
        const answers = await Promise.all([0, 1, 2].map((node) => send(node, more)));
        return answers.every((answer) => answer === undefined);
      });
    };
    await client.query(`ALTER DATABASE ${DATABASE} SET MAX_SERIES = 1000`);
    await taken(1_000);
    const altered = await flotillaAt(cluster.urls, [
      ...['database', 'alter', DATABASE, '--max-series', '10'],
    ]);
    expect(altered).toMatchObject({code: 0, err: ''});
    const shown = await client.query(`DESCRIBE DATABASE ${DATABASE}`);
    expect(shown).toMatchObject([{max_series: '10'}]);
    let host = 2_000;
    await until('new series are refused again', async () => {
      host += 1;
      return (await send(0, [line(host)])) !== undefined;
    });
    expect(
      await send(
        1,
        (await knownHosts()).map((one) => line(one)),
      ),
    ).toBeUndefined();
    await client.admin.alterDatabase(DATABASE, {maxSeries: null});
    await taken(3_000);
    expect(await client.admin.database(DATABASE)).toMatchObject({maxSeries: null});
  },
  TEST_MS_MAX,
);
