// Rows per CPU second of the parser on TSBS's cpu table: 10 tags, 10 integer fields, all hosts per
// tick. The first round meets all series for the first time. Run with the project's Node:
// `node packages/ingest/src/line-protocol/line-protocol-parser.bench.ts [hosts, default 100]`.

import {SeededRandom} from '@flotilla/base';
import {DEFAULT_LIMITS, LineProtocolParser} from './line-protocol-parser.ts';

const FIELDS = 'user system idle nice iowait irq softirq steal guest guest_nice'.split(' ');
const HOSTS = Number(process.argv[2] ?? 100);
const ROWS_PER_BODY = 10_000;
/** Two ticks at least. */
const BODIES = Math.max(12, Math.ceil((2 * HOSTS) / ROWS_PER_BODY));
const ROUNDS = 8;

function hostKeys(random: SeededRandom, hosts: number): string[] {
  const pick = (...from: string[]): string => from[random.below(from.length)]!;
  return Array.from({length: hosts}, (_, host) => {
    const region = pick('eu-west-1', 'us-east-1', 'ap-southeast-1', 'sa-east-1');
    return (
      `cpu,hostname=host_${host},region=${region},datacenter=${region}${pick('a', 'b', 'c')},` +
      `rack=${random.below(100)},os=${pick('Ubuntu16.10', 'Ubuntu16.04LTS', 'Ubuntu15.10')},` +
      `arch=${pick('x64', 'x86')},team=${pick('SF', 'NYC', 'LON', 'CHI')},` +
      `service=${random.below(20)},service_version=${random.below(2)},` +
      `service_environment=${pick('production', 'staging', 'test')}`
    );
  });
}

function bodies(random: SeededRandom): Buffer[] {
  const keys = hostKeys(random, HOSTS);
  const values = keys.map(() => FIELDS.map(() => random.below(101)));
  let row = 0;
  return Array.from({length: BODIES}, () => {
    const lines: string[] = [];
    for (let i = 0; i < ROWS_PER_BODY; i++, row++) {
      const host = row % HOSTS;
      const walk = values[host]!;
      const fields = FIELDS.map((name, f) => {
        walk[f] = Math.min(100, Math.max(0, walk[f]! + random.below(3) - 1));
        return `usage_${name}=${walk[f]}i`;
      });
      const time = 1_451_606_400_000_000_000n + BigInt(Math.floor(row / HOSTS)) * 10_000_000_000n;
      lines.push(`${keys[host]} ${fields.join(',')} ${time}\n`);
    }
    return Buffer.from(lines.join(''));
  });
}

const inputs = bodies(new SeededRandom(1));
const parser = new LineProtocolParser({limits: DEFAULT_LIMITS, seriesCacheMax: 1_000_000});
for (let round = 0; round < ROUNDS; round++) {
  const start = process.cpuUsage().user;
  let rows = 0;
  for (const body of inputs) rows += parser.parse(body, {precision: 'ns', nowMs: 0}).rowCount;
  const seconds = (process.cpuUsage().user - start) / 1e6;
  const bytes = inputs.reduce((sum, body) => sum + body.length, 0);
  console.log(
    `${Math.round(rows / seconds / 1000)} k rows/s, ${Math.round(bytes / seconds / 1e6)} MB/s`,
  );
}
