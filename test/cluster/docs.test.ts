// Goal: every example of the pages for a first hour does what the page says. Method: the commands of
// each page in their order, as a reader pastes them; what cannot be run is marked `not-run` in the page
// and listed here with the reason, and a block that is neither fails.

import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient, FlotillaError, writeDetailsOf} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {docExamples, fencesOf, ROOT} from './doc-examples.ts';
import {DocShell} from './doc-shell.ts';
import {processOf} from './nodes.ts';
import {until} from './waiting.ts';

const COMMAND_MS_MAX = 70_000;
const START_MS_MAX = 120_000;
const CLIENT = 'packages/client/README.md';
/** Its blocks marked `four-nodes` find four of them, and a database that the test makes. */
const RECORDING = 'docs/operations.md';
/** Of the page's recording: the process that it kills. */
const KILLED_PID = '4711';
/** They start their own nodes. */
const WITH_SERVERS = ['README.md', 'docs/getting-started.md'];
/** They find a node with an empty database; in this order, so that ids are those of the first page. */
const WITH_NODE = [
  'docs/http.md',
  'docs/sql.md',
  'docs/line-protocol.md',
  'docs/moving-data.md',
  'docs/concepts.md',
  'docs/security.md',
  'docs/telegraf.md',
  'docs/metrics.md',
  'docs/capacity.md',
  'docs/operations.md',
];
const WITHOUT_EXAMPLES = ['docs/limits.md', 'docs/install.md'];
const PAGES = [...WITH_SERVERS, ...WITH_NODE, ...WITHOUT_EXAMPLES, CLIENT];

/** Blocks that are not run, by page and first line. */
const LOST_MAJORITY = 'a cluster that lost its majority; test/faults/lost-majority.test.ts has one';

const NOT_RUN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': {
    'openssl rand -hex 32 > secret && openssl rand -hex 32 > token && chmod 600 secret token':
      'three machines; test/cluster/security.test.ts starts three nodes by these flags',
    ' POST /api/v1/write': 'a drawing',
  },
  'docs/getting-started.md': {
    'telegraf --config deploy/telegraf/telegraf.conf':
      'Telegraf is not installed; what it sends is run below it, and by clients.test.ts',
  },
  'docs/http.md': {
    'Flotilla-Missing-Replica-Sets: 12, 17':
      'a header of a cluster that lost a majority; reads.test.ts has one',
    '{"answer":{"missingReplicaSets":[12,17],"readFrom":[{"set":13,"replica":34,"node":2,"appliedIndex":61,"ageMs":null}]}}':
      'the last line of such an answer; reads.test.ts has one',
  },
  'docs/install.md': {
    'npm run dist': 'makes 65 MB; test/faults/dist.test.ts makes it, unpacks it and starts it',
  },
  'docs/line-protocol.md': {
    'weather,city=oslo temperature=4.5,sunny=true 1795132800000000000':
      'a drawing of the line that is written below it',
  },
  'docs/operations.md': {
    '$ ./flotilla operation list':
      'a node is killed and a bucket made then; test/cluster/operating.test.ts does it',
    '$ ./flotilla replica-set candidates 12':
      'three nodes, one of them dead; test/cluster/operating.test.ts does it',
    '$ ./flotilla replica-set destroy 12':
      'rows of the examples would go; test/cluster/destroy-set.test.ts does it',
    './flotilla status --url 127.0.0.1:8902': LOST_MAJORITY,
    'cp -a data3 data3.before': LOST_MAJORITY,
    './flotilla recover meta --data data3 --yes': LOST_MAJORITY,
    './flotilla recover plan --url 127.0.0.1:8902': LOST_MAJORITY,
    './flotilla recover apply recovery-plan.json --yes --url 127.0.0.1:8902': LOST_MAJORITY,
    '$ ./flotilla check /var/lib/flotilla':
      'a stopped node with a damaged file; test/cluster/check.test.ts has one',
    './flotilla recover report --data data4 --output node4.json': LOST_MAJORITY,
    './flotilla recover meta --data data3 --report node4.json --yes': LOST_MAJORITY,
  },
  'docs/security.md': {
    './flotilla start --listen 10.0.0.1:8902 --join 10.0.0.1:8902,10.0.0.2:8902,10.0.0.3:8902 --join-secret-file secret --tls-cert node1.crt --tls-key node1.key --tls-ca ca.crt --admin-token-file token --bootstrap':
      'three machines; test/cluster/security.test.ts starts three nodes by these flags',
    './flotilla status --url https://10.0.0.1:8902,https://10.0.0.2:8902 --tls-ca ca.crt --tls-cert ann.crt --tls-key ann.key --token-file ann.token':
      'asks those machines; security.test.ts asks its nodes so',
    './flotilla token create ann --token-file token > ann.token':
      'the node of these pages would ask for it from then on; security.test.ts has such nodes',
    '{"at":"2026-11-21T20:15:04.101Z","who":"ann","from":"10.0.0.9","what":"node-drain","how":{"id":3},"requestId":"b1946ac9-1f","act":"2k9fq0w1zx-4","result":"begun"}':
      'lines of another node; security.test.ts reads those of its nodes',
  },
};

const hasCurl = spawnSync('curl', ['--version']).status === 0;

describe.each(PAGES)('blocks of %s', (page) => {
  const fences = fencesOf(page);

  test('each is run, or marked and listed with the reason', () => {
    const marked = fences.filter(({isNotRun}) => isNotRun).map(({firstLine}) => firstLine);
    expect(marked.sort()).toEqual(Object.keys(NOT_RUN[page] ?? {}).sort());
    const left = fences.filter(({isNotRun, language}) => !isNotRun && language !== 'console');
    // The program and what it prints: run by client.test.ts, which counts them.
    const programs = page === CLIENT ? left.filter(({language}) => language === 'ts').length : 0;
    const languages = Array.from({length: programs}, () => ['ts', 'text']).flat();
    expect(left.map(({language}) => language)).toEqual(languages);
  });

  test('what is run begins with a command and has each answer', () => {
    const run = fences.filter(({isNotRun, language}) => !isNotRun && language === 'console');
    expect(run.filter(({text}) => !text.startsWith('$ '))).toEqual([]);
    expect(run.length > 0).toBe(page !== CLIENT && !WITHOUT_EXAMPLES.includes(page));
  });
});

interface RunOptions {
  readonly isRecording?: boolean;
  readonly before?: (command: string) => Promise<void>;
}

function runExamples(
  page: string,
  shell: () => DocShell,
  {isRecording = false, before = async () => {}}: RunOptions = {},
): void {
  const examples = docExamples(page, {isRecording});
  test.each(examples.map((example) => [example.command, example] as const))(
    '%s',
    async (_, example) => {
      await before(example.command);
      const {text, pattern} = await shell().run(example);
      expect(text).toMatch(pattern);
    },
    COMMAND_MS_MAX,
  );
}

describe.skipIf(!hasCurl).each(WITH_SERVERS)('%s (wants curl)', (page) => {
  let shell: DocShell;
  beforeAll(async () => {
    shell = await DocShell.withFreePorts();
  });
  afterAll(() => shell.close());
  runExamples(page, () => shell);
});

describe(`the recording of ${RECORDING}`, () => {
  let cluster: ProcessCluster;
  let client: FlotillaClient;
  let shell: DocShell;

  /** The page: node 1 leads the set, 2 and 3 follow, 4 has none of it. Here it is as they joined. */
  async function learn(): Promise<void> {
    const [set] = await client.admin.replicaSets({database: 'metrics'});
    const leader = set!.replicas.find((replica) => replica.leader)!.node;
    const followers = set!.replicas.filter((replica) => !replica.leader).map(({node}) => node);
    const known = [leader, ...followers].map(String);
    const spare = ['1', '2', '3', '4'].find((id) => !known.includes(id))!;
    const ids = new Map([...known, spare].map((id, i) => [String(i + 1), id]));
    const process = await processOf(cluster, client, leader);
    shell.learn(ids, {page: KILLED_PID, here: process.pid});
    process.mayEnd();
  }

  beforeAll(async () => {
    cluster = await ProcessCluster.start({nodes: 4, engineThreads: 1});
    client = new FlotillaClient({urls: cluster.urls});
    shell = DocShell.among(cluster.urls);
    await client.query('CREATE DATABASE metrics WITH SHARD 1 REPLICA 3');
    await client.write('cpu,host=a v=1', {database: 'metrics', timeoutMs: COMMAND_MS_MAX});
    await until('its set has three voters, one of them leads', async () => {
      const [{replicas} = {replicas: []}] = await client.admin.replicaSets({database: 'metrics'});
      const voters = replicas.filter(({role}) => role === 'voter');
      return voters.length === 3 && replicas.some(({leader}) => leader);
    });
    await learn();
  }, START_MS_MAX);
  afterAll(async () => {
    await shell.close();
    client.close();
    await cluster.destroy();
  });

  async function before(command: string): Promise<void> {
    if (!command.startsWith('kill ')) return;
    await until('each replica elects only when told', async () => {
      const [set] = await client.admin.replicaSets({database: 'metrics'});
      return set!.replicas.every((replica) => replica['failover'] === 'manual');
    });
    await learn();
  }

  runExamples(RECORDING, () => shell, {isRecording: true, before});
});

describe.skipIf(!hasCurl)('with a node (wants curl)', () => {
  let cluster: ProcessCluster;
  let client: FlotillaClient;

  beforeAll(async () => {
    cluster = await ProcessCluster.start({nodes: 1, engineThreads: 1});
    client = new FlotillaClient({urls: cluster.urls});
  });
  afterAll(async () => {
    client.close();
    await cluster.destroy();
  });

  async function empty(): Promise<void> {
    const databases = await client.admin.databases();
    if (databases.length === 1 && databases[0]!['tables'] === 0) return;
    for (const {name} of databases) await client.query(`DROP DATABASE ${name} AFTER '0s'`);
    await client.query('CREATE DATABASE public');
  }

  describe.each(WITH_NODE)('%s', (page) => {
    let shell: DocShell;
    beforeAll(async () => {
      await empty();
      shell = DocShell.at(cluster.node(1).port);
    });
    afterAll(() => shell.close());
    runExamples(page, () => shell);
  });

  describe('tables of docs/line-protocol.md', () => {
    const page = readFileSync(path.join(ROOT, 'docs/line-protocol.md'), 'utf8');
    const section = (title: string): string =>
      new RegExp(`^## ${title}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm').exec(page)![1]!;
    const TYPES = {
      float: 'DOUBLE',
      integer: 'BIGINT',
      unsigned: 'BIGINT UNSIGNED',
      boolean: 'BOOLEAN',
      string: 'STRING',
    };

    test('each value is taken as its type, and what is refused is refused', async () => {
      const rows = [...section('Values').matchAll(/^\| (`.*?) +\| ([a-z]+) +\|/gm)];
      const written = rows.flatMap(([, values, type]) =>
        [...values!.matchAll(/`([^`]+)`/g)].map(([, value]) => ({value: value!, type: type!})),
      );
      expect(new Set(written.map(({type}) => type))).toEqual(new Set(Object.keys(TYPES)));
      await client.write(written.map(({value}, i) => `value_${i} v=${value}`).join('\n'));
      for (const [i, {value, type}] of written.entries()) {
        const columns = await client.query(`DESCRIBE TABLE value_${i}`);
        expect([value, columns[1]]).toEqual([
          value,
          {column_name: 'v', data_type: TYPES[type as keyof typeof TYPES], column_type: 'FIELD'},
        ]);
      }
      const [, refused = ''] = /^Refused as values: (.*)$/m.exec(page)!;
      const bad = [...refused.matchAll(/`([^`]+)`/g)].map(([, value]) => value!);
      expect(bad.length).toBeGreaterThan(5);
      for (const value of [...bad, 'inf', '-Infinity'])
        expect(await reasonOf(`values v=${value}`), value).toMatch(/^invalid (value|number)$/);
    });

    test('each line is refused for its reason', async () => {
      const rows = [...section('Refused lines').matchAll(/^\| `(.*?)` +\| (.*?) +\|$/gm)];
      expect(rows.length).toBeGreaterThan(10);
      for (const [, line, reason] of rows)
        expect([line, await reasonOf(line!)]).toEqual([line, reason]);
    });

    async function reasonOf(line: string): Promise<string | undefined> {
      try {
        await client.write(line);
      } catch (error) {
        if (!(error instanceof FlotillaError)) throw error;
        return writeDetailsOf(error)?.lines[0]?.reason;
      }
      return undefined;
    }
  });
});
