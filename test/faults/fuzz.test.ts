// Goal: nothing that comes over HTTP makes a 500, ends the process or makes it grow. Method: bodies and
// statements made from good ones by a seeded chance; each answer must be one that the routes promise.
// FUZZ_SECONDS=300 FUZZ_SEED=7 for a long run.

import {readFileSync} from 'node:fs';
import zlib from 'node:zlib';
import {SeededRandom} from '@flotilla/base';
import {ProcessCluster} from '@flotilla/testkit';
import {expect, onTestFinished, test} from 'vitest';

const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 8);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const CONNECTIONS = 4;
/** What a node may take beyond what it had after the first tenth of the run: caches that fill up. */
const GROWTH_BYTES_MAX = 400 * 1024 * 1024;

/** A request may be wrong, or too much just now; what it may not be is our failure. */
const WRITE_STATUSES: ReadonlySet<number> = new Set([204, 400, 404, 413, 415, 429, 503]);
const SQL_STATUSES: ReadonlySet<number> = new Set([200, 400, 404, 409, 413, 415, 429, 503]);

const LINES = [
  'cpu,host=a,region=eu usage=0.5,idle=99i,ok=true 1600000000000000000',
  'mem,host=b free=12u,name="a \\"quoted\\" \\\\ text" 1600000000000000001',
  'disk\\ io,path=/var\\,log bytes=-9223372036854775808i,rate=1.5e-300',
  'm,t\\=ag=v\\ alue f=t,g=F,h=True 1',
  '# a comment',
  'multi,line=1 text="first\nsecond" 5',
];
const PIECES = [
  ...[',', '=', ' ', '\\', '"', '\n', '\r\n', '\t', '\0', 'i', 'u', 'e', '-', '+', '.', '#'],
  ...['NaN', '1e309', '9223372036854775808i', '"', '\\"', 'time', '\u{feff}', 'é', '€', '🚢'],
];
const STATEMENTS = [
  'SELECT host, avg(usage) AS a FROM cpu WHERE time >= 0 GROUP BY host ORDER BY a DESC LIMIT 3',
  "SELECT date_bin(INTERVAL '1 hour', time) AS t, max(idle) FROM cpu GROUP BY t ORDER BY t",
  "SELECT * FROM mem WHERE host ~ '^b' AND NOT free IS NULL OFFSET 1",
  "SELECT count(*), first(usage), last(usage) FROM cpu WHERE host IN ('a', 'b') OR usage BETWEEN 0 AND 1",
  "INSERT INTO cpu (time, host, usage) VALUES ('2020-01-01', 'c', -0.5), (5, 'd', 1e3)",
  "SELECT CASE WHEN usage > 1 THEN 'x' ELSE host END, upper(host) || 'y', usage % 3 FROM cpu",
  'SHOW TABLES',
  'DESCRIBE TABLE cpu',
  "ALTER DATABASE fuzz SET TTL '365d'",
  'SHOW DATABASES',
];
const TOKENS = [
  ...['SELECT', 'FROM', 'WHERE', 'GROUP BY', 'ORDER BY', 'LIMIT', 'AND', 'OR', 'NOT', 'NULL'],
  ...['(', ')', ',', '*', '=', '<>', '~', '||', "'", '"', ';', '--', '/*', '*/', '$1', '::', '.'],
  ...['count(*)', 'sum', 'cpu', 'time', 'usage', 'host', '1', '-1', '1e400', "'x'", 'INTERVAL'],
  ...['9223372036854775807', "'9999-99-99'", 'now()', 'date_bin', 'CAST', 'AS', 'é', '\0'],
];

class Chance {
  readonly random: SeededRandom;
  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }
  pick<Item>(items: readonly Item[]): Item {
    return items[this.random.below(items.length)]!;
  }

  /** A good text with some of it cut, doubled, swapped for pieces, or with other bytes. */
  mutate(good: Buffer, pieces: readonly string[]): Buffer {
    let bytes = good;
    for (let times = this.random.below(6); times > 0; times--) {
      const at = this.random.below(bytes.length + 1);
      const until = Math.min(bytes.length, at + this.random.below(12));
      const middle = [
        () => Buffer.from(this.pick(pieces)),
        () => Buffer.alloc(0),
        () => Buffer.concat([bytes.subarray(at, until), bytes.subarray(at, until)]),
        () => Buffer.from([this.random.below(256)]),
        () => Buffer.from(this.pick(pieces).repeat(this.random.below(300))),
      ][this.random.below(5)]!();
      bytes = Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(until)]);
    }
    return bytes;
  }

  lines(): Buffer {
    const count = 1 + this.random.below(8);
    const lines = Array.from({length: count}, () =>
      this.mutate(Buffer.from(this.pick(LINES)), PIECES),
    );
    return Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  }

  statement(): Buffer {
    if (this.random.below(3) > 0) return this.mutate(Buffer.from(this.pick(STATEMENTS)), TOKENS);
    const count = this.random.below(20);
    return Buffer.from(Array.from({length: count}, () => this.pick(TOKENS)).join(' '));
  }
}

function residentBytes(pid: number): number {
  const pages = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1];
  return Number(pages) * 4096;
}

test(
  'mutated bodies and statements are answered as promised, by a process that does not grow',
  async () => {
    const cluster = await ProcessCluster.start({nodes: 1});
    onTestFinished(() => cluster.destroy());
    const node = cluster.node(1);
    const post = async (path: string, body: Buffer, headers: Record<string, string> = {}) => {
      const bytes = new Uint8Array(body);
      const answer = await fetch(node.url + path, {method: 'POST', body: bytes, headers});
      return {status: answer.status, text: await answer.text()};
    };
    await post('/api/v1/sql', Buffer.from('CREATE DATABASE fuzz'));
    await post('/api/v1/write?db=fuzz', Buffer.from(LINES.join('\n')));
    const startMs = performance.now();
    const endMs = startMs + SECONDS * 1000;
    let baseBytes: number | undefined;
    const seen = new Map<number, number>();
    const work = async (connection: number) => {
      const chance = new Chance(SEED * 1_000 + connection);
      while (performance.now() < endMs) {
        const isWrite = chance.random.below(2) === 0;
        const body = isWrite ? chance.lines() : chance.statement();
        const isZipped = isWrite && chance.random.below(8) === 0;
        const answer = isWrite
          ? await post(
              '/api/v1/write?db=fuzz',
              isZipped ? chance.mutate(zlib.gzipSync(body), ['x']) : body,
              isZipped ? {'content-encoding': 'gzip'} : {},
            )
          : await post('/api/v1/sql?db=fuzz', body);
        const allowed = isWrite ? WRITE_STATUSES : SQL_STATUSES;
        const what = `${JSON.stringify(body.toString('latin1'))} was answered ${answer.text}`;
        expect(allowed.has(answer.status), `${answer.status}: ${what}`).toBe(true);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        if (performance.now() - startMs > SECONDS * 100) baseBytes ??= residentBytes(node.pid);
      }
    };
    await Promise.all(Array.from({length: CONNECTIONS}, (_, i) => work(i)));
    const grownBytes = residentBytes(node.pid) - baseBytes!;
    const summary = `SEED=${SEED}, ${JSON.stringify(Object.fromEntries(seen))}`;
    expect(grownBytes, summary).toBeLessThan(GROWTH_BYTES_MAX);
    // Both kinds of answers were met, so what is sent is neither all good nor all bad.
    expect(seen.get(204), summary).toBeGreaterThan(0);
    expect(seen.get(200), summary).toBeGreaterThan(0);
    expect(seen.get(400), summary).toBeGreaterThan(0);
    if (SECONDS >= 60) process.stdout.write(`fuzz: ${summary}, grown by ${grownBytes} bytes\n`);
  },
  SECONDS * 1000 + 60_000,
);
