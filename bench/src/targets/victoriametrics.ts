// VictoriaMetrics, single node. It acknowledges before anything is on disk (no fsync of a write): its
// figures are for less than a Flotilla write promises.

import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {freePorts} from '@flotilla/testkit';
import {answers, findProgram, request, ServerProcess} from './server-process.ts';
import type {RunningTarget, Target, TimeRange} from './target.ts';

const PROGRAMS = ['victoria-metrics', 'victoria-metrics-prod'];
const MERGE_POLL_MS = 100;
/** Rows become visible a moment after a flush. */
const COUNT_TRIES = 20;

export const victoriaMetrics: Target = {
  name: 'victoriametrics',
  nodes: 1,
  missing: () => (findProgram(PROGRAMS) === undefined ? `no ${PROGRAMS[0]} on PATH` : undefined),
  start,
};

async function start(directory: string): Promise<RunningTarget> {
  const url = `http://127.0.0.1:${await freePorts(1)}`;
  const storage = path.join(directory, 'storage');
  const server = new ServerProcess({
    name: 'VictoriaMetrics',
    command: findProgram(PROGRAMS)!,
    args: [
      `-storageDataPath=${storage}`,
      `-httpListenAddr=${new URL(url).host}`,
      '-retentionPeriod=100y', // The rows are of 2016.
      '-search.maxUniqueTimeseries=100000000', // Else the count over many hosts is refused.
    ],
    logFile: path.join(directory, 'log'),
  });
  await server.waitUntil(() => answers(`${url}/health`));
  return {
    pids: [server.pid],
    writeUrls: [`${url}/write?precision=ns`],
    directories: [storage],
    settle: () => settle(url),
    countRows: (range) => countRows(url, range),
    stop: () => server.stop(),
  };
}

async function settle(url: string): Promise<void> {
  await request(`${url}/internal/force_flush`);
  await request(`${url}/internal/force_merge`); // Answers at once and merges on.
  do await sleep(MERGE_POLL_MS);
  while (metricOf(await request(`${url}/metrics`), 'vm_active_force_merges') > 0);
}

/** The value of a metric without labels; a name that is not there counts as 0. */
export function metricOf(text: string, name: string): number {
  const match = new RegExp(`^${name} (\\S+)$`, 'm').exec(text);
  return match === null ? 0 : Number(match[1]);
}

async function countRows(url: string, {startMs, endMs}: TimeRange): Promise<number> {
  // The window leaves out its older end, so it begins an hour early.
  const windowSeconds = Math.ceil((endMs - startMs) / 1000) + 3_600;
  const query = new URLSearchParams({
    query: `sum(count_over_time(cpu_usage_user[${windowSeconds}s]))`,
    time: String(endMs / 1000),
    nocache: '1',
  });
  let count = -1;
  for (let tries = 0; tries < COUNT_TRIES; tries++) {
    const answer = JSON.parse(await request(`${url}/api/v1/query?${query}`));
    const next = Number(answer.data?.result?.[0]?.value?.[1] ?? 0);
    if (next === count) break;
    count = next;
    await sleep(500);
  }
  return count;
}
