// InfluxDB 1.x, single node. Its write-ahead log is fsynced before a write is acknowledged (its
// default). It has no call for flush or compaction: both are told to begin a second after the last
// write to a shard, in place of ten minutes and four hours, and are waited for.

import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {freePorts} from '@flotilla/testkit';
import {diskBytesOf} from '../disk.ts';
import {answers, findProgram, request, ServerProcess} from './server-process.ts';
import {DATABASE, type RunningTarget, type Target} from './target.ts';

const SNAPSHOT_MS_MAX = 60_000;
/** Its planner looks once a second; three looks see a cold shard for sure. */
const PLANNER_MS = 3_000;

export const influxdb: Target = {
  name: 'influxdb',
  nodes: 1,
  missing: () => (findProgram(['influxd']) === undefined ? 'no influxd on PATH' : undefined),
  start,
};

async function start(directory: string): Promise<RunningTarget> {
  const port = await freePorts(2);
  const url = `http://127.0.0.1:${port}`;
  const places = {
    meta: path.join(directory, 'meta'),
    tsm: path.join(directory, 'tsm'),
    wal: path.join(directory, 'wal'),
  };
  for (const place of Object.values(places)) await mkdir(place);
  const server = new ServerProcess({
    name: 'InfluxDB',
    command: findProgram(['influxd'])!,
    args: ['run', '-config', '/dev/null'],
    env: {
      INFLUXDB_REPORTING_DISABLED: 'true',
      INFLUXDB_BIND_ADDRESS: `127.0.0.1:${port + 1}`,
      INFLUXDB_META_DIR: places.meta,
      INFLUXDB_DATA_DIR: places.tsm,
      INFLUXDB_DATA_WAL_DIR: places.wal,
      INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION: '1s',
      INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION: '1s',
      INFLUXDB_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
      INFLUXDB_HTTP_LOG_ENABLED: 'false',
      INFLUXDB_HTTP_MAX_BODY_SIZE: '0',
      INFLUXDB_MONITOR_STORE_ENABLED: 'false', // It would write its own rows beside ours.
    },
    logFile: path.join(directory, 'log'),
  });
  await server.waitUntil(() => answers(`${url}/ping`));
  const query = (q: string) =>
    request(`${url}/query`, {method: 'POST', body: new URLSearchParams({q, db: DATABASE})});
  await query(`CREATE DATABASE ${DATABASE}`);
  return {
    pids: [server.pid],
    writeUrls: [`${url}/write?db=${DATABASE}&precision=ns`],
    // With a text that says so.
    laterStatuses: [500],
    directories: Object.values(places),
    settle: () => settle(places.wal),
    countRows: async () => {
      const answer = JSON.parse(await query('SELECT count(usage_user) FROM cpu'));
      return Number(answer.results?.[0]?.series?.[0]?.values?.[0]?.[1] ?? 0);
    },
    stop: () => server.stop(),
  };
}

/** The cache is in files once the log is empty; then the planner finds the shard cold. */
async function settle(wal: string): Promise<void> {
  const deadlineMs = performance.now() + SNAPSHOT_MS_MAX;
  while ((await diskBytesOf(wal)) > directoriesOnlyBytes && performance.now() < deadlineMs) {
    await sleep(200);
  }
  await sleep(PLANNER_MS);
}

/** What empty directories and the empty segment of each shard occupy. */
const directoriesOnlyBytes = 256 * 1024;
