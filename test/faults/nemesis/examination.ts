// Peace: what must be true once no fault strikes any more and nobody orders anything. Every
// acknowledged row on every replica, registers that one order explains, all operations at their end,
// and nothing left over, neither in the processes nor, once these have stopped, on their disks.

import {FlotillaClient} from '@flotilla/client';
import type {ProcessCluster} from '@flotilla/testkit';
import {checksumFaults} from './checksums.ts';
import {unequal, unfinished, unrestOf, untilNone} from './cluster-rest.ts';
import {stopCleanly} from './damages.ts';
import {strayFiles} from './data-directory.ts';
import {
  bugsInLog,
  halfClosedSockets,
  holdingsOf,
  strayDescriptors,
  strayReplicas,
  straySockets,
} from './left-overs.ts';
import {DATABASE, ROWS_TABLE, readRegisters, registerClient} from './load.ts';
import type {Operator} from './operator.ts';
import type {RegisterHistories} from './register-histories.ts';
import {ReplicaReads} from './replica-reads.ts';
import type {Outcomes} from './report.ts';
import type {RowDifferences, RowLedger} from './row-ledger.ts';

/** Moves and repairs that were under way when peace came. */
const REST_MS_MAX = 180_000;
/** What is removed a moment after it is forgotten. */
const LEFT_OVER_MS_MAX = 60_000;
const QUERY_MS_MAX = 300_000;

export interface Examined {
  readonly cluster: ProcessCluster;
  readonly client: FlotillaClient;
  readonly ledger: RowLedger;
  readonly histories: RegisterHistories;
  readonly operator: Operator;
  /** Between each pair of nodes, before any fault. */
  readonly sockets: ReadonlyMap<string, number>;
  readonly say: (text: string) => void;
}

export interface Findings {
  readonly lost: number;
  readonly stale: number;
  readonly phantom: number;
  readonly stuckOperations: number;
  readonly operations: Outcomes;
  readonly violations: readonly string[];
}

export async function examine(examined: Examined): Promise<Findings> {
  const {cluster, client, operator, say} = examined;
  const violations: string[] = [];
  violations.push(
    ...(await untilNone(async () => {
      await operator.settle();
      return [];
    }, REST_MS_MAX)),
  );
  violations.push(...(await untilNone(() => unrestOf(cluster, client), REST_MS_MAX)));
  const stuck = await stuckOperations(client, REST_MS_MAX);
  violations.push(...stuck);
  violations.push(...(await untilNone(() => unequal(client), REST_MS_MAX)));
  say('at rest; rows are compared');
  const rows = await compareRows(examined);
  const spare = await compareSpare(operator);
  violations.push(...(await untilNone(() => checksumFaults(client), 0)));
  say('registers are judged');
  const registers = await judgeRegisters(examined);
  violations.push(...rows.violations, ...spare.violations, ...registers.violations);
  const operations = await operator.outcomes();
  violations.push(...(await leftOvers(examined)));
  return {
    lost: rows.lost + spare.lost,
    stale: registers.stale,
    phantom: rows.phantom + registers.phantom,
    stuckOperations: stuck.length,
    operations,
    violations,
  };
}

/** Those that come to no end in that time, each as a violation. */
export async function stuckOperations(
  client: FlotillaClient,
  withinMs: number,
): Promise<readonly string[]> {
  const stuck = await untilNone(() => unfinished(client), withinMs);
  return stuck.map((one) => `stuck: ${one}`);
}

interface RowFindings {
  readonly lost: number;
  readonly phantom: number;
  readonly violations: readonly string[];
}

/** Each node's own replicas, all of them, and once through a majority. */
async function compareRows(examined: Examined): Promise<RowFindings> {
  const {cluster, client, ledger, say} = examined;
  const unread = new Set(
    (await client.admin.replicaSets({database: DATABASE})).flatMap(({id, replicas}) =>
      replicas.map(({replica}) => `${id}-${replica}`),
    ),
  );
  const count = unread.size;
  const all: RowFindings[] = [];
  for (const {url, number} of cluster.nodes) {
    const reads = new ReplicaReads(url, QUERY_MS_MAX);
    const compare = () => ledger.compare(reads.rows(ROWS_TABLE));
    all.push(await findings(`replicas of node ${number}`, compare, say));
    for (const replica of reads.replicas) unread.delete(replica);
  }
  const url = cluster.node(1).url;
  const own = new FlotillaClient({urls: [url], database: DATABASE, timeoutMs: QUERY_MS_MAX});
  const compare = () => ledger.compare(own.queryStream(`SELECT * FROM ${ROWS_TABLE}`));
  all.push(await findings('read through node 1', compare, say));
  own.close();
  say(`${count - unread.size} of ${count} replicas were read`);
  const missed = [...unread].map((replica) => `replica ${replica} was not read by its own node`);
  return {
    lost: all.reduce((sum, {lost}) => sum + lost, 0),
    phantom: all.reduce((sum, {phantom}) => sum + phantom, 0),
    violations: [...all.flatMap(({violations}) => violations), ...missed],
  };
}

/** The database that was dropped and recovered. */
async function compareSpare(operator: Operator): Promise<Omit<RowFindings, 'phantom'>> {
  try {
    const lost = await operator.spareRowsLost();
    const what = `${lost} rows are missing in the database that was recovered`;
    return {lost, violations: lost === 0 ? [] : [what]};
  } catch (error) {
    const what = `the database that was recovered cannot be read: ${String(error)}`;
    return {lost: 0, violations: [what]};
  }
}

async function findings(
  where: string,
  compare: () => Promise<RowDifferences>,
  say: Examined['say'],
): Promise<RowFindings> {
  try {
    const {lost, phantom, examples} = await compare();
    say(`${where}: ${lost} lost, ${phantom} phantom`);
    return {lost, phantom, violations: examples.map((example) => `${where}: ${example}`)};
  } catch (error) {
    return {lost: 0, phantom: 0, violations: [`${where} cannot be read: ${String(error)}`]};
  }
}

/** With a last read of all of them through each node. */
async function judgeRegisters({cluster, histories, say}: Examined) {
  const violations: string[] = [];
  for (const {url, number} of cluster.nodes) {
    const own = registerClient(url);
    const error = await readRegisters(own, number, histories);
    if (error !== undefined)
      violations.push(`registers cannot be read through node ${number}: ${error}`);
    own.close();
  }
  const {stale, phantom, examples} = histories.check();
  say(
    `${histories.operationCount} reads and writes of registers: ${stale} stale, ${phantom} phantom`,
  );
  violations.push(...examples);
  return {stale, phantom, violations};
}

async function leftOvers(examined: Examined): Promise<readonly string[]> {
  const {cluster, client, sockets, say} = examined;
  const running = cluster.nodes.filter(({isRunning}) => isRunning);
  const left = await untilNone(
    async () => [
      ...(await strayReplicas(cluster, client)),
      ...running.flatMap(strayDescriptors),
      ...running.flatMap(halfClosedSockets),
      ...straySockets(sockets, cluster),
    ],
    LEFT_OVER_MS_MAX,
  );
  const onDisk = await filesLeft(examined);
  say(`${left.length} things are left over in the processes, ${onDisk.length} on the disks`);
  return [...left, ...onDisk, ...cluster.nodes.flatMap(bugsInLog)];
}

/** Stops all nodes: what a running one still writes belongs to nobody yet. */
async function filesLeft({cluster, client}: Examined): Promise<readonly string[]> {
  const holdings = await holdingsOf(cluster, client);
  const faults = await Promise.all(
    cluster.nodes.map(async (node) => {
      try {
        if (node.isRunning) await stopCleanly(node);
        return [];
      } catch (error) {
        return [String(error)];
      }
    }),
  );
  const strays = cluster.nodes.map(({number, directory}) =>
    strayFiles(directory, holdings.get(number)!),
  );
  return [...faults, ...strays].flat();
}
