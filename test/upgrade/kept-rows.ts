// What each kept data directory holds: written by `make-data.ts` with the build that it is of, and looked for
// by every later one. Part of it is in files, the rest in the log alone.

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
