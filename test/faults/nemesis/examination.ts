// Peace: what must be true once no fault strikes any more and nobody orders anything. Every
// acknowledged row on every replica, registers that one order explains, all operations at their end,
// and nothing left over.

import {FlotillaClient} from '@flotilla/client';
import type {ProcessCluster} from '@flotilla/testkit';
import {
  bugsInLog,
  deletedButOpen,
  strayReplicas,
  straySockets,
  unequal,
  unfinished,
  unrestOf,
  untilNone,
} from './cluster-rest.ts';
import {DATABASE, ROWS_TABLE, readRegisters, registerClient} from './load.ts';
import type {Operator} from './operator.ts';
import type {RegisterHistories} from './register-histories.ts';
import type {RowLedger} from './row-ledger.ts';

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
  const stuck = await untilNone(() => unfinished(client), REST_MS_MAX);
  violations.push(...stuck.map((one) => `stuck: ${one}`));
  violations.push(...(await untilNone(() => unequal(client), REST_MS_MAX)));
  say('at rest; rows are compared');
  const rows = await compareRows(examined);
  const spareLost = await operator.spareRowsLost();
  if (spareLost > 0)
    violations.push(`${spareLost} rows are missing in the database that was recovered`);
  say('registers are judged');
  const registers = await judgeRegisters(examined);
  violations.push(...rows.violations, ...registers.violations);
  violations.push(...(await leftOvers(examined)));
  return {
    lost: rows.lost + spareLost,
    stale: registers.stale,
    phantom: rows.phantom + registers.phantom,
    stuckOperations: stuck.length,
    violations,
  };
}

/** Each node's own replicas, and once through a majority. */
async function compareRows({cluster, ledger, say}: Examined) {
  let [lost, phantom] = [0, 0];
  const violations: string[] = [];
  for (const [node, stale] of [
    ...cluster.nodes.map((one) => [one, true] as const),
    [cluster.node(1), false] as const,
  ]) {
    const own = new FlotillaClient({urls: [node.url], database: DATABASE, timeoutMs: QUERY_MS_MAX});
    try {
      const rows = own.queryStream(`SELECT * FROM ${ROWS_TABLE}`, {stale});
      const found = await ledger.compare(rows);
      lost += found.lost;
      phantom += found.phantom;
      const where = `${stale ? 'replicas of' : 'read through'} node ${node.number}`;
      say(`${where}: ${found.lost} lost, ${found.phantom} phantom`);
      violations.push(...found.examples.map((example) => `${where}: ${example}`));
    } catch (error) {
      violations.push(`rows cannot be read through node ${node.number}: ${String(error)}`);
    } finally {
      own.close();
    }
  }
  return {lost, phantom, violations};
}

/** With a last read of all of them through each node. */
async function judgeRegisters({cluster, histories, say}: Examined) {
  const violations: string[] = [];
  for (const {url, number} of cluster.nodes) {
    const own = registerClient(url);
    const isRead = await readRegisters(own, number, histories);
    if (!isRead) violations.push(`registers cannot be read through node ${number}`);
    own.close();
  }
  const {stale, phantom, examples} = histories.check();
  say(
    `${histories.operationCount} reads and writes of registers: ${stale} stale, ${phantom} phantom`,
  );
  violations.push(...examples);
  return {stale, phantom, violations};
}

async function leftOvers({cluster, client, sockets}: Examined): Promise<readonly string[]> {
  const {nodes} = cluster;
  const left = await untilNone(
    async () => [
      ...(await strayReplicas(cluster, client)),
      ...nodes.flatMap((node) => (node.isRunning ? deletedButOpen(node) : [])),
      ...straySockets(sockets, cluster),
    ],
    LEFT_OVER_MS_MAX,
  );
  return [...left, ...nodes.flatMap(bugsInLog)];
}
