// What each kept data directory holds: written by `make-data.ts` with the build that it is of, and looked for
// by every later one. Part of it is in files, the rest in the log alone. Measurements are in those that were made
// since parts have a second version: rows that its encodings are for.

import type {FlotillaClient} from '@flotilla/client';

const TIME_S = 1_600_000_000;
const COUNT = 50;

function lines(table: string, from: number, to: number): string {
  return Array.from({length: to - from}, (_, i) => {
    const n = from + i;
    const fields = `f=${n / 8},i=${n}i,u=${n}u,b=${n % 2 === 0},s="text ${n}"`;
    return `${table},host=h${n % 5} ${fields} ${TIME_S + n}000000000`;
  }).join('\n');
}

export async function writeRows(client: FlotillaClient): Promise<void> {
  await client.admin.createDatabase({name: 'kept', shards: 2, ttl: null});
  const database = 'kept';
  await client.write(`${lines('m', 0, COUNT)}\n${lines('gone', 0, 5)}`, {database});
  await client.admin.flushStorage();
  await client.write(lines('m', COUNT, 2 * COUNT), {database});
  const query = (statement: string) => client.query(statement, {database});
  await query("DELETE FROM m WHERE time < '2020-09-13T12:26:50Z'");
  await query('DROP TABLE gone');
  await query('ALTER TABLE m ADD FIELD later BIGINT');
  await client.write(`m,host=h0 later=7i ${TIME_S}500000000`, {database});
}

/** What is wrong with the rows that are read; empty if they are those that were written. */
export async function faultsOf(client: FlotillaClient): Promise<string[]> {
  const rows = await client.query('SELECT * FROM m ORDER BY i', {database: 'kept'});
  const faults: string[] = [];
  const numbered = rows.filter((row) => row['i'] !== null && row['i'] !== undefined);
  const others = rows.filter((row) => !numbered.includes(row));
  if (others.length !== 1 || others[0]!['later'] !== 7) faults.push(JSON.stringify(others));
  const wanted = Array.from({length: 2 * COUNT - 10}, (_, i) => {
    const n = 10 + i;
    return [n, n / 8, n, n % 2 === 0, `text ${n}`, `h${n % 5}`];
  });
  const read = numbered.map(({i, f, u, b, s, host}) => [i, f, u, b, s, host]);
  if (JSON.stringify(read) !== JSON.stringify(wanted)) faults.push(JSON.stringify(read));
  const tables = await client.query('SHOW TABLES', {database: 'kept'});
  if (tables.length !== 1) faults.push(JSON.stringify(tables));
  return faults;
}

export const MEASURED = 'measured';
const MEASUREMENTS = 480;

type Measurement = Readonly<Record<string, number | string | null>>;

/** Of which no two encodings do equally well. */
function measurement(n: number): Measurement {
  return {
    n,
    spike: n % 100 === 7 ? 10 ** 12 : n % 9,
    falling: 9_810 * n * n + (n % 3),
    cents: Math.round(Math.sqrt((n * 7_919) % 1_000) * 100) / 100,
    full: Math.sqrt(n + 0.5),
    held: Math.sqrt(Math.floor(n / 5) + 0.5),
    sparse: n % 60 === 5 ? n : null,
    text: `level=info path=/orders/${n * 7_919} took=${n % 7}ms`,
  };
}

const INTEGERS = ['n', 'spike', 'falling', 'sparse'];

function measurementLines(from: number, to: number): string {
  const lines = Array.from({length: to - from}, (_, i) => {
    const fields = Object.entries(measurement(from + i)).flatMap(([name, value]) => {
      if (value === null) return [];
      if (typeof value === 'string') return `${name}="${value}"`;
      return `${name}=${value}${INTEGERS.includes(name) ? 'i' : ''}`;
    });
    return `x,host=a ${fields.join(',')} ${TIME_S + (from + i) * 10}000000000`;
  });
  return lines.join('\n');
}

/** One set, of as many replicas as the cluster gives by itself unless it is said. */
export async function createMeasured(
  client: FlotillaClient,
  options: {readonly replicas?: number} = {},
): Promise<void> {
  await client.admin.createDatabase({name: MEASURED, shards: 1, ttl: null, ...options});
}

/**
 * In a part that was merged, in one that was flushed, in one of thin blocks, and in the log alone: of the node
 * that is asked.
 */
export async function addMeasurements(client: FlotillaClient): Promise<void> {
  const write = (from: number, to: number) =>
    client.write(measurementLines(from, to), {database: MEASURED});
  await write(0, 120);
  await client.admin.flushStorage();
  await write(120, 260);
  await client.admin.flushStorage();
  await client.admin.compactStorage();
  await write(260, 420);
  await client.admin.flushStorage();
  await write(420, 450);
  await client.admin.flushStorage();
  await write(450, MEASUREMENTS);
}

export async function writeMeasurements(client: FlotillaClient): Promise<void> {
  await createMeasured(client);
  await addMeasurements(client);
}

export async function measurementFaults(client: FlotillaClient): Promise<string[]> {
  const rows = await client.query('SELECT * FROM x ORDER BY n', {database: MEASURED});
  if (rows.length !== MEASUREMENTS) return [`${rows.length} rows`];
  return rows.flatMap((row, n) => {
    const wanted = measurement(n);
    const have = Object.fromEntries(Object.keys(wanted).map((name) => [name, row[name] ?? null]));
    return JSON.stringify(have) === JSON.stringify(wanted) ? [] : [JSON.stringify(have)];
  });
}
