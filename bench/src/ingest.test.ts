import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {gunzipSync} from 'node:zlib';
import fc from 'fast-check';
import {afterEach, describe, expect, it} from 'vitest';
import {runIngest, summarize} from './ingest.ts';
import {median} from './median.ts';
import {parseIngestOptions} from './options.ts';
import {waitUntilQuiet} from './quiet.ts';
import {renderReport} from './report.ts';
import type {Target} from './targets/target.ts';
import {metricOf} from './targets/victoriametrics.ts';
import {START_MS} from './tsbs-rows.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const ROWS = {hosts: 5, hours: 0.1, intervalMs: 10_000, values: 'integer', seed: 1} as const;

/** A target that lives in this process and keeps the lines it was sent. */
async function fakeTarget(answer: (count: number) => number, loses = 0) {
  const lines: string[] = [];
  let count = 0;
  const server = http.createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const status = answer(++count);
      const bytes = Buffer.concat(pieces);
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
      if (status === 204) lines.push(...text.toString().trimEnd().split('\n'));
      response.writeHead(status).end(status === 204 ? undefined : 'no');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/write`;
  const settled = {count: 0};
  const target: Target = {
    name: 'fake',
    nodes: 1,
    missing: () => undefined,
    start: async (directory) => ({
      pids: [], // Of this process, whose CPU is the loader's: nothing is counted.
      writeUrls: [url],
      directories: [directory],
      settle: async () => {
        settled.count++;
      },
      countRows: async () => new Set(lines).size - loses,
      stop: async () => {},
    }),
  };
  return {target, lines, settled};
}

function optionsFor(targets: Target[], gzip = false) {
  const rows = {...ROWS, startMs: START_MS};
  const said: string[] = [];
  const say = (text: string) => said.push(text);
  const options = {
    rows,
    batchRows: 50,
    connections: 3,
    gzip,
    rounds: 1,
    targets,
    quietWindowMs: 5,
    say,
  };
  return {options, said};
}

describe('ingest', () => {
  it.each([false, true])('sends every row once, gzip %s', async (gzip) => {
    const {target, lines, settled} = await fakeTarget(() => 204);
    const report = await runIngest(optionsFor([target], gzip).options);
    expect(report.failed).toEqual([]);
    expect(report.results).toMatchObject([
      {target: 'fake', nodes: 1, rows: 180, values: 'integer'},
    ]);
    const {p50, p99} = report.fdatasyncMs;
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
    expect(lines.length).toBe(180);
    expect(new Set(lines).size).toBe(180);
    expect(settled.count).toBe(1);
  });

  it('sends a body again that was put off', async () => {
    const {target, lines} = await fakeTarget((count) => (count === 2 ? 503 : 204));
    const {options, said} = optionsFor([target]);
    expect((await runIngest(options)).failed).toEqual([]);
    expect(lines.length).toBe(180);
    expect(said).toContain('1 bodies were put off and sent again');
  });

  it('fails a target that refuses or loses rows, and goes on with the others', async () => {
    const refusing = await fakeTarget((count) => (count === 3 ? 400 : 204));
    const losing = await fakeTarget(() => 204, 1);
    const good = await fakeTarget(() => 204);
    const targets = [refusing.target, losing.target, good.target];
    const report = await runIngest(optionsFor(targets).options);
    expect(report.results.length).toBe(1);
    expect(report.failed.map(({reason}) => reason)).toEqual([
      expect.stringMatching(/answered 400: no$/),
      '180 rows were acknowledged, 179 are there',
    ]);
    expect(renderReport(report)).toMatch(/FAILED fake x 1: 180 rows/);
  });

  it('names what it skips', async () => {
    const {target} = await fakeTarget(() => 204);
    const {options, said} = optionsFor([{...target, missing: () => 'no fake on PATH'}]);
    const report = await runIngest(options);
    expect(report.skipped).toEqual([{target: 'fake', nodes: 1, reason: 'no fake on PATH'}]);
    expect(said).toContain('skipped fake: no fake on PATH');
    expect(renderReport(report)).toContain('skipped fake: no fake on PATH');
  });
});

it('gives the median of each figure', () => {
  const run = {seconds: 1, cpuSeconds: 2, ackCpuSeconds: 1, peakRssBytes: 5, diskBytes: 7};
  const runs = [run, {...run, seconds: 9, cpuSeconds: 1}, {...run, seconds: 2, cpuSeconds: 4}];
  const result = summarize({name: 'x', nodes: 1}, runs, {...ROWS, startMs: START_MS});
  expect(result).toMatchObject({
    seconds: 2,
    rowsPerSecond: 90,
    cpuSeconds: 2,
    rowsPerCpuSecond: 90,
  });
});

it('takes the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(() => median([])).toThrow(/BUG/);
  fc.assert(
    fc.property(fc.array(fc.integer(), {minLength: 1}), (values) => {
      const middle = median(values);
      const below = values.filter((value) => value < middle).length;
      const above = values.filter((value) => value > middle).length;
      expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2);
    }),
  );
});

it('is quiet after a window under a twentieth of a core', async () => {
  let cpuSeconds = 0;
  const looks = [0.5, 0];
  const isQuiet = await waitUntilQuiet(() => {
    const now = cpuSeconds;
    cpuSeconds += looks.shift() ?? 0;
    return now;
  }, 5);
  expect(isQuiet).toBe(true);
  expect(cpuSeconds).toBe(0.5);
});

it('reads a metric', () => {
  expect(metricOf('# HELP\na_b 3\nvm_active_force_merges 12\n', 'vm_active_force_merges')).toBe(12);
  expect(metricOf('', 'vm_active_force_merges')).toBe(0);
});

describe('options', () => {
  const defaults = {
    hosts: '100',
    hours: '24',
    interval: '10s',
    values: 'integer',
    seed: '1',
    nodes: '1',
    peers: '',
    rounds: '3',
    connections: '4',
    batch: '10000',
    logSeconds: '60',
  };

  it('choose targets', () => {
    const parsed = parseIngestOptions({...defaults, nodes: '1,3', peers: 'influxdb'});
    const targets = parsed.data?.targets.map(({name, nodes}) => `${name} ${nodes}`);
    expect(targets).toEqual(['flotilla 1', 'flotilla 3', 'influxdb 1']);
    expect(parsed.data?.rows.intervalMs).toBe(10_000);
  });

  it.each([
    {peers: 'graphite'},
    {nodes: '0'},
    {nodes: 'many'},
    {hosts: '0'},
    {interval: 'soon'},
    {hours: '0.001'},
  ])('refuse %o', (wrong) => {
    expect(parseIngestOptions({...defaults, ...wrong}).success).toBe(false);
  });
});
