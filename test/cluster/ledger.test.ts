// The comparison itself must go red: each way in which rows can be wrong is shown to it once.

import type {FlotillaClient, Row} from '@flotilla/client';
import {FlotillaError} from '@flotilla/client';
import {beforeEach, describe, expect, test} from 'vitest';
import {Ledger} from './ledger.ts';

const SHAPE = {hosts: 3, ticks: 4, batch: 2};

/** Keeps the lines of a body as the rows that a query gives. */
class FakeCluster {
  rows: Row[] = [];
  /** Bodies, from 0, that fail; written all the same if `isWritten`. */
  failing: ReadonlyMap<number, {isWritten: boolean}> = new Map();
  #bodies = 0;

  get client(): FlotillaClient {
    const cluster = this;
    return {
      write: async (body: string) => cluster.#write(body),
      async *queryStream() {
        yield* cluster.rows;
      },
    } as unknown as FlotillaClient;
  }

  #write(body: string): void {
    const failure = this.failing.get(this.#bodies++);
    if (failure?.isWritten !== false) this.rows.push(...body.split('\n').map(rowOf));
    if (failure !== undefined) throw new FlotillaError('late', {code: 'TIMEOUT'});
  }
}

function rowOf(line: string): Row {
  const [key = '', fields = '', time = ''] = line.split(' ');
  const row: Row = {host: key.split('host=')[1]!};
  for (const field of fields.split(',')) {
    const [name, value] = field.split('=') as [string, string];
    row[name] = Number.parseFloat(value);
  }
  row['time'] = new Date(Number(time) / 1e6).toISOString().replace('.000Z', 'Z');
  return row;
}

let cluster: FakeCluster;
let ledger: Ledger;

beforeEach(() => {
  cluster = new FakeCluster();
  ledger = new Ledger(SHAPE);
});

function differences(): Promise<string[]> {
  return ledger.compare(cluster.client, {stale: false});
}

test('what was sent and is there is no difference', async () => {
  await Promise.all([ledger.send(cluster.client), ledger.send(cluster.client)]);
  expect(ledger.sentRows).toBe(12);
  expect(cluster.rows).toHaveLength(12);
  expect(await differences()).toEqual([]);
});

describe('a difference is', () => {
  beforeEach(() => ledger.send(cluster.client));

  test('a missing row', async () => {
    cluster.rows.splice(7, 1);
    expect(await differences()).toEqual(['row 7 was acknowledged and is missing']);
  });

  test('a row twice', async () => {
    cluster.rows.push(cluster.rows[3]!);
    expect(await differences()).toEqual(['row 3 is there twice']);
  });

  test.each(['f0', 'f1', 'f2', 'f3'])('another value of %s', async (field) => {
    cluster.rows[5] = {...cluster.rows[5]!, [field]: 0.5};
    expect(await differences()).toEqual([`row 5: ${field} is 0.5`]);
  });

  test('a value that is gone', async () => {
    cluster.rows[5] = {...cluster.rows[5]!, f2: null};
    expect(await differences()).toEqual(['row 5: f2 is null']);
  });

  test('another time, and then the row is missing too', async () => {
    cluster.rows[5] = {...cluster.rows[5]!, time: '2020-09-13T12:26:41Z'};
    expect(await differences()).toEqual([
      expect.stringContaining('never sent'),
      'row 5 was acknowledged and is missing',
    ]);
  });

  test('a row of a host or tick that there never was', async () => {
    cluster.rows.push({...cluster.rows[0]!, host: 'h3', tick: 9});
    expect(await differences()).toEqual([expect.stringContaining('never sent')]);
  });
});

test('a body whose outcome is unknown may be there or not', async () => {
  cluster.failing = new Map([
    [1, {isWritten: true}],
    [2, {isWritten: false}],
  ]);
  await ledger.send(cluster.client);
  expect(ledger.failures).toHaveLength(2);
  expect(cluster.rows).toHaveLength(10);
  expect(await differences()).toEqual([]);
});

test('rows that are there before they were sent are a difference', async () => {
  const other = new Ledger(SHAPE);
  await other.send(cluster.client);
  expect(await differences()).toHaveLength(12);
});
