import {describe, expect, it} from 'vitest';
import {MEASURED} from '../capacity/capacity-model.ts';
import {run} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';

const LOAD = ['plan', '--hosts', '1000', '--interval', '10s', '--fields', '10'];
const KEPT = [...LOAD, '--retention', '30d'];

describe('plan', () => {
  it('answers as JSON, with what was asked', async () => {
    const {code, out} = await run([...KEPT, '--json']);
    expect(code).toBe(EXIT.ok);
    const plan = JSON.parse(out);
    expect(plan.question).toEqual({
      hosts: 1_000,
      intervalMs: 10_000,
      fields: 10,
      values: 'float',
      retentionMs: 30 * 86_400_000,
      bucketMs: 7 * 86_400_000,
      replicas: 3,
      nodes: 3,
      rowsPerCpuSecond: MEASURED.rowsPerCpuSecond,
    });
    expect(plan).toMatchObject({rowsPerSecond: 100, valuesPerSecond: 1_000, shards: 4, buckets: 6});
    expect(plan.cluster.diskBytes).toBeCloseTo(3 * plan.node.diskBytes.total, 6);
  });

  it('shows each need with what it is made of, within the width of a terminal', async () => {
    const {code, out} = await run(KEPT, {tty: true});
    expect(code).toBe(EXIT.ok);
    expect(out).toMatch(/^1000 hosts, 10 fields \(float\) every 10s, kept 30d in buckets of 7d, 3/);
    for (const need of ['cores', 'memory', '  memtables', 'disk', '  log', '  compaction'])
      expect(out).toMatch(new RegExp(`^${need} +\\d`, 'm'));
    expect(out).toMatch(/^3 nodes in all: \d+ cores, .* of memory, .* of disk$/m);
    const table = out.split('\n\n')[1]!;
    expect(Math.max(...table.split('\n').map(({length}) => length))).toBeLessThanOrEqual(80);
  });

  it('names no other nodes where there are none', async () => {
    const one = [...KEPT, '--replicas', '1'];
    expect((await run(one)).out).not.toMatch(/sent to nodes|while one node is away/);
    expect((await run(KEPT)).out).toMatch(/^sent to nodes .*\/s/m);
  });

  it.each([
    [LOAD, /'--retention <duration>' not specified/],
    [[...LOAD, '--retention', 'soon'], /--retention: want a duration with its unit.*: soon/],
    [[...LOAD, '--retention', '0d'], /--retention: want a duration/],
    [[...KEPT, '--values', 'text'], /--values: .*"integer"\|"decimal"\|"float": text/],
    [[...KEPT, '--fields', '0'], /--fields: .*>=1: 0/],
    [[...KEPT, '--hosts', 'all'], /--hosts: not a number: all/],
    [[...KEPT, '--nodes', '2'], /--nodes: .* give --nodes 3 or more, or --replicas 2/],
    [[...KEPT, '--bucket-duration', '100d'], /--bucket-duration: a bucket spans at most 90d/],
    [[...KEPT, '--interval', '8d'], /--interval: longer than --bucket-duration/],
    [[...KEPT, '--bucket-duration', '30m'], /--retention: .* give a longer --bucket-duration/],
  ])('refuses %j, and says what it wants', async (args, message) => {
    const {code, err} = await run(args);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(message);
  });
});
