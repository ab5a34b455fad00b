// `recover apply` against a cluster that is played: every set of the plan that can go on is ordered, once
// and in order, whatever is in the file, and the command waits until each is led.

import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {RecoveryPlan} from '@flotilla/client';
import fc from 'fast-check';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {run} from './program.fixture.ts';
import {EXIT} from './terminal.ts';

interface Order {
  readonly cluster: string;
  readonly lost: readonly number[];
  readonly sets: readonly {readonly set: number}[];
}

let directory: string;
let server: http.Server;
let url: string;
let orders: Order[] = [];
/** How often the list of sets was asked for before one of them was led. */
let looksUntilLed = 0;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-recover-'));
  server = http.createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      response.end(JSON.stringify(answer(request.url!, Buffer.concat(pieces).toString())));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(directory, {recursive: true, force: true});
});

function answer(at: string, body: string): unknown {
  if (at.startsWith('/admin/v1/nodes')) return [];
  const ordered = orders.flatMap(({sets}) => sets);
  if (at.startsWith('/admin/v1/replica-sets')) {
    const leader = looksUntilLed-- <= 0;
    return ordered.map(({set}) => ({id: set, replicas: [{replica: 1, node: 1, leader}]}));
  }
  const order = JSON.parse(body) as Order;
  orders.push(order);
  return {lost: order.lost, recovered: order.sets.map(({set}) => ({set})), skipped: []};
}

async function apply(plan: object, ...flags: string[]) {
  const file = path.join(directory, 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  return run(['recover', 'apply', file, '--yes', ...flags], {url});
}

const count = fc.nat(1e6);
const planned = fc.record(
  {
    set: fc.integer({min: 1, max: 1e6}),
    epoch: count,
    action: fc.constantFrom('take-over' as const, 'begin-empty' as const, 'none' as const),
    node: fc.integer({min: 1, max: 9}),
    replica: fc.integer({min: 1, max: 1e6}),
    lastIndex: count,
    loses: fc.string(),
    // What a newer build says of it.
    more: fc.jsonValue(),
  },
  {requiredKeys: ['set', 'epoch', 'action', 'loses']},
);
const plans = fc.record({
  cluster: fc.string({minLength: 1}),
  madeAt: fc.constant('2026-01-01T00:00:00.000Z'),
  lost: fc.array(fc.record({node: fc.integer({min: 1, max: 9})}), {minLength: 1, maxLength: 3}),
  setsKept: count,
  sets: fc.array(planned, {maxLength: 450}),
});

test('each set that can go on is ordered once, as the plan has it', async () => {
  const property = fc.asyncProperty(plans, async (plan) => {
    orders = [];
    const {code} = await apply(plan, '--no-wait', '--json');
    expect(code).toBe(EXIT.ok);
    const wanted = plan.sets.filter(({action, node}) => action !== 'none' && node !== undefined);
    const fields = ({set, epoch, node, replica, lastIndex}: (typeof wanted)[number]) =>
      JSON.parse(JSON.stringify({set, epoch, node, replica, lastIndex}));
    expect(orders.flatMap(({sets}) => sets)).toEqual(wanted.map(fields));
    for (const {cluster, lost, sets} of orders) {
      expect({cluster, lost}).toEqual({cluster: plan.cluster, lost: plan.lost.map((l) => l.node)});
      expect(sets.length).toBeLessThanOrEqual(200);
    }
    // Also where nothing can go on: nodes are declared lost all the same.
    expect(orders.length).toBeGreaterThan(0);
  });
  await fc.assert(property, {numRuns: 25});
}, 60_000);

const PLAN: RecoveryPlan = {
  cluster: 'c',
  madeAt: '2026-01-01T00:00:00.000Z',
  lost: [{node: 2}],
  setsKept: 0,
  sets: [{set: 7, epoch: 1, action: 'take-over', node: 3, replica: 9, lastIndex: 5, loses: 'x'}],
};

test('it waits until each set is led', async () => {
  orders = [];
  looksUntilLed = 2;
  const {code, out} = await apply(PLAN);
  expect(code).toBe(EXIT.ok);
  expect(looksUntilLed).toBeLessThan(0);
  expect(out).toContain('declared node 2 lost, recovered 1 replica sets');
  expect(out).not.toContain('without a leader yet');
});

test('a file that is no plan is refused', async () => {
  orders = [];
  for (const wrong of [{}, {...PLAN, sets: [{set: 'x'}]}, {...PLAN, lost: undefined}]) {
    const {code, err} = await apply(wrong);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('is no plan of');
  }
  expect(orders).toEqual([]);
});
