// A checker that cannot fail proves nothing: each kind of damage is planted and must be seen.

import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {FlotillaClient, type Id, type Row} from '@flotilla/client';
import type {RegisterOperation} from '@flotilla/simulator';
import {expect, onTestFinished, test} from 'vitest';
import {Availability, LIMITS_MS} from './availability.ts';
import {stuckOperations} from './examination.ts';
import {MachineShare, ticksOfAll} from './machine-share.ts';
import {Operator} from './operator.ts';
import {RegisterHistories} from './register-histories.ts';
import {renderFigures, renderJson, renderOutcomes, renderReport, reportOf} from './report.ts';
import {linesOf, RowLedger, rowOf} from './row-ledger.ts';
import {FAULT_KINDS} from './schedule.ts';

function ledgerOf(acknowledged: number, unknown: number): RowLedger {
  const ledger = new RowLedger();
  ledger.acknowledge(ledger.take(acknowledged));
  ledger.take(unknown);
  return ledger;
}

const rowsUpto = (count: number): Row[] => Array.from({length: count}, (_, n) => ({...rowOf(n)}));

test('rows as they were sent are no difference, acknowledged or not', async () => {
  const ledger = ledgerOf(100, 20);
  expect(ledger.acknowledged).toBe(100);
  for (const there of [100, 110, 120])
    expect(await ledger.compare(rowsUpto(there))).toEqual({lost: 0, phantom: 0, examples: []});
});

test('a lost row, a changed one, a doubled one and one that was never sent are seen', async () => {
  const ledger = ledgerOf(100, 20);
  const rows = rowsUpto(120);
  const lost = await ledger.compare(rows.toSpliced(7, 1));
  expect(lost).toEqual({lost: 1, phantom: 0, examples: ['row 7 was acknowledged and is missing']});
  expect(await ledger.compare(rows.with(3, {...rows[3]!, f: 0.5}))).toMatchObject({lost: 1});
  // Nobody was told that it is there, but somebody made it up.
  expect(await ledger.compare(rows.with(110, {...rows[110]!, f: 0.5}))).toMatchObject({
    lost: 0,
    phantom: 1,
  });
  expect(await ledger.compare([...rows, rows[5]!])).toMatchObject({lost: 0, phantom: 1});
  expect(await ledger.compare([...rows, {...rowOf(120)}])).toMatchObject({lost: 0, phantom: 1});
  expect(await ledger.compare([...rows, {...rows[1]!, row: null}])).toMatchObject({phantom: 1});
});

test('lines and rows tell the same', () => {
  const [line] = linesOf({first: 205, end: 206}).split('\n');
  const {time, host, row, f} = rowOf(205);
  const ns = `${Date.parse(String(time))}000000`;
  expect(line).toBe(`load,host=${host} row=${row}i,f=${f} ${ns}`);
});

const at = (startMs: number, endMs: number) => ({startMs, endMs, outcome: 'ok' as const});

function judge(...operations: Omit<RegisterOperation, 'client'>[]) {
  const histories = new RegisterHistories();
  for (const operation of operations) histories.add('r', {client: 1, ...operation});
  return histories.check();
}

test('a read of a value that was overwritten before is stale', () => {
  const writes = [
    {kind: 'write', value: 1, ...at(0, 1)},
    {kind: 'write', value: 2, ...at(2, 3)},
  ] as const;
  expect(judge(...writes, {kind: 'read', value: 1, ...at(4, 5)})).toMatchObject({
    stale: 1,
    phantom: 0,
  });
  expect(judge(...writes, {kind: 'read', value: 2, ...at(4, 5)})).toMatchObject({
    stale: 0,
    phantom: 0,
  });
  // An acknowledged write that is gone.
  expect(judge(...writes, {kind: 'read', value: 0, ...at(4, 5)})).toMatchObject({stale: 1});
});

test('a write of unknown outcome may be seen or not, but not come and go', () => {
  const writes = [
    {kind: 'write', value: 1, ...at(0, 1)},
    {kind: 'write', value: 2, startMs: 2, endMs: Infinity, outcome: 'unknown'},
  ] as const;
  const reads = (...values: number[]) =>
    values.map((value, i) => ({kind: 'read' as const, value, ...at(10 + 2 * i, 11 + 2 * i)}));
  expect(judge(...writes, ...reads(1, 1)).stale).toBe(0);
  expect(judge(...writes, ...reads(1, 2)).stale).toBe(0);
  expect(judge(...writes, ...reads(2, 1)).stale).toBe(1);
});

test('a value that nobody wrote is a phantom', () => {
  const found = judge(
    {kind: 'write', value: 1, ...at(0, 1)},
    {kind: 'read', value: 9, ...at(2, 3)},
  );
  expect(found).toMatchObject({stale: 0, phantom: 1});
  expect(found.examples).toEqual(['register r: client 1 read 9, which nobody wrote']);
});

test('a write that fails where a majority lives is a violation, beyond it is not', () => {
  const availability = new Availability();
  const kill = {kind: 'kill', scope: 'minority', round: 1} as const;
  const first = availability.begin({...kill, beginMs: 100});
  first.endMs = 200;
  const second = availability.begin({...kill, scope: 'majority', round: 2, beginMs: 300});
  availability.ended({call: 'write', startMs: 50, endMs: 60});
  availability.ended({call: 'write', startMs: 110, endMs: 1_000, error: 'TIMEOUT'});
  expect(availability.violations()).toEqual([]);
  second.endMs = 400;
  availability.ended({call: 'write', startMs: 250, endMs: 290, error: 'late'});
  expect(availability.violations()).toEqual([
    'a write failed with a majority alive (no fault): late',
  ]);
  availability.ended({call: 'write', startMs: 150, endMs: 290, error: 'NO_LEADER'});
  expect(availability.violations()).toContain(
    'a write failed with a majority alive (kill in round 1): NO_LEADER',
  );
});

function waited(ms: number, shareLeft = 1): Availability {
  const availability = new Availability(() => shareLeft);
  availability.ended({call: 'write', startMs: 1_000, endMs: 1_000 + ms});
  return availability;
}

test('a write that waits longer than the faults beside it explain is a violation', () => {
  expect(waited(3_900).violations()).toEqual([]);
  expect(waited(4_100).violations()).toEqual([
    'a write waited 4.1 s (no fault), and 4.0 s are allowed',
  ]);
  const {kill, pause} = LIMITS_MS;
  const availability = waited(kill + pause);
  for (const kind of ['kill', 'pause'] as const)
    availability.begin({kind, scope: 'minority', round: 3, beginMs: 2_000});
  expect(availability.violations()).toEqual([]);
  availability.ended({call: 'write', startMs: 1_000, endMs: 1_100 + kill + pause});
  expect(availability.violations()[0]).toMatch(/kill in round 3, pause in round 3/);
  // Somebody has to be found who chooses a new leader.
  availability.beginManual(1_500);
  expect(availability.violations()).toEqual([]);
});

test('a full disk may refuse under failover by hand, until somebody has had the time to look', () => {
  const refused = (startMs: number, error = 'DISK_FULL: store 0 is full'): Availability => {
    const availability = new Availability();
    const fill = {kind: 'fillDisk', scope: 'minority', round: 5} as const;
    availability.begin({...fill, beginMs: 1_000});
    availability.ended({call: 'write', startMs, endMs: startMs + 5_000, error});
    return availability;
  };
  expect(refused(2_000).violations()).toHaveLength(1);
  const byHand = (availability: Availability): Availability => {
    availability.beginManual(500);
    return availability;
  };
  expect(byHand(refused(2_000)).violations()).toEqual([]);
  expect(byHand(refused(2_000, 'NO_LEADER')).violations()).toHaveLength(1);
  expect(byHand(refused(16_900)).violations()).toEqual([]);
  expect(byHand(refused(17_100)).violations()).toHaveLength(1);
});

test('so is a read that fails, or waits too long', () => {
  const availability = new Availability();
  availability.ended({call: 'read', startMs: 1_000, endMs: 5_100});
  availability.ended({call: 'read', startMs: 1_000, endMs: 1_100, error: 'UNAVAILABLE'});
  expect(availability.violations()).toEqual([
    'a read waited 4.1 s (no fault), and 4.0 s are allowed',
    'a read failed with a majority alive (no fault): UNAVAILABLE',
  ]);
});

test('what other work takes of the machine, and what this process stood still, is not counted', () => {
  expect(waited(7_900, 0.5).violations()).toEqual([]);
  expect(waited(8_100, 0.5).violations()[0]).toMatch(/with 50 % of the machine/);
  const availability = waited(8_100);
  availability.stood({startMs: 500, endMs: 5_500});
  expect(availability.violations()).toEqual([]);
});

test('beyond a minority a write may wait until the faults end, and a while', () => {
  const availability = new Availability();
  const split = {kind: 'split', scope: 'majority', round: 4} as const;
  const span = availability.begin({...split, beginMs: 0});
  span.healedMs = 60_000;
  availability.ended({call: 'write', startMs: 1_000, endMs: 31_000, error: 'TIMEOUT'});
  availability.ended({call: 'write', startMs: 55_000, endMs: 79_000});
  expect(availability.violations()).toEqual([]);
  availability.ended({call: 'write', startMs: 55_000, endMs: 81_000});
  expect(availability.violations()).toEqual([
    'a write waited on after the faults 21.0 s (split in round 4), and 20.0 s are allowed',
  ]);
});

test('the longest wait beside each kind of fault', () => {
  const availability = new Availability();
  const pause = availability.begin({kind: 'pause', scope: 'minority', round: 1, beginMs: 1_000});
  pause.endMs = 5_000;
  const isolate = {kind: 'isolate', scope: 'majority', round: 2} as const;
  availability.begin({...isolate, beginMs: 6_000}).healedMs = 8_000;
  availability.ended({call: 'write', startMs: 4_900, endMs: 5_900});
  availability.ended({call: 'write', startMs: 1_000, endMs: 1_400});
  availability.ended({call: 'read', startMs: 1_200, endMs: 1_900});
  availability.ended({call: 'read', startMs: 6_500, endMs: 9_500});
  availability.ended({call: 'write', startMs: 6_600, endMs: 9_000, error: 'NO_LEADER'});
  const none = {longestMs: 0, failed: 0};
  expect(availability.figures()).toEqual([
    {
      ...{kind: 'pause', times: 1, limitMs: 12_000, beyond: none, longestAfterMs: 0},
      ...{writes: {longestMs: 1_000, failed: 0}, reads: {longestMs: 700, failed: 0}},
    },
    {
      ...{kind: 'isolate', times: 1, limitMs: 12_000, writes: none, reads: none},
      ...{beyond: {longestMs: 3_000, failed: 1}, longestAfterMs: 1_500},
    },
  ]);
  expect(renderFigures(availability.figures())).toMatch(/^pause +1 +12\.0 s +1\.0 s +0 +0\.7 s/m);
});

test('the machine is shared with what was busy and not ours', () => {
  const share = new MachineShare();
  expect(share.between(0, 1)).toBe(1);
  share.add({atMs: 0, total: 1_000, busy: 500, own: 0});
  share.add({atMs: 1_000, total: 1_200, busy: 700, own: 100});
  share.add({atMs: 2_000, total: 1_400, busy: 800, own: 200});
  expect(share.between(0, 1_000)).toBeCloseTo(0.5);
  expect(share.between(1_200, 1_800)).toBeCloseTo(1);
  expect(share.between(100, 1_500)).toBeCloseTo(0.75);
});

test('what yields to the run takes nothing from it, unless the run yields itself', () => {
  const stat = 'cpu  10 1 5 100 4 0 2 3 0 0\ncpu0 1\n';
  expect(ticksOfAll(stat, 0)).toEqual({total: 125, busy: 20});
  expect(ticksOfAll(stat, 19)).toEqual({total: 125, busy: 21});
});

test('no order is counted under the name of a fault', () => {
  const place = {urls: ['http://127.0.0.1:1'], seed: 1, leaving: new Set<Id>()};
  const operator = new Operator({...place, availability: new Availability()});
  const names = [...FAULT_KINDS, ...Object.keys(operator.counts)];
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  operator.close();
});

test('an operation that does not end is stuck, one that ends while it is waited for is not', async () => {
  const ended = ['done', 'failed', 'cancelled'].map((state, i) => ({id: 10 + i, kind: 'x', state}));
  const move = {id: 1, kind: 'move-replica', state: 'running', step: 'catch-up', replicaSet: 7};
  const drain = {id: 2, kind: 'drain-node', state: 'running', step: 'move'};
  let asked = 0;
  const server = http.createServer((_request, response) => {
    asked += 1;
    const left = asked < 3 ? [drain] : [];
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({operations: [...ended, move, ...left]}));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address() as AddressInfo;
  const client = new FlotillaClient({urls: [`http://127.0.0.1:${port}`]});
  onTestFinished(() => {
    client.close();
    server.close();
  });
  expect(await stuckOperations(client, 1_000)).toEqual([
    'stuck: operation 1 (move-replica of set 7) is running at catch-up',
  ]);
  expect(asked).toBeGreaterThan(2);
});

test('the line of JSON has the counts, each kind of fault, and the violations of all who looked', () => {
  const found = {lost: 1, stale: 2, phantom: 3, stuckOperations: 4, operations: {}};
  const run = {seed: 7, minutes: 3, acknowledged: 10, struck: new Map([['kill', 2]])};
  const line = renderJson(
    reportOf(
      {...run, orders: {move: 5, drain: 0}, violations: ['a write waited']},
      {...found, violations: ['stuck: operation 1']},
    ),
  );
  expect(line).not.toContain('\n');
  const never = [...FAULT_KINDS.filter((kind) => kind !== 'kill'), 'drain'];
  expect(JSON.parse(line)).toEqual({
    ...{seed: 7, minutes: 3, acknowledged: 10, ...found, never},
    faults: {...Object.fromEntries(never.map((kind) => [kind, 0])), kill: 2, move: 5},
    violations: ['a write waited', 'stuck: operation 1'],
  });
});

test('the report for people names what is violated and what never was', () => {
  const found = {acknowledged: 10, lost: 1, stale: 0, phantom: 0, stuckOperations: 0};
  const run = {seed: 7, minutes: 3, faults: {kill: 2, wipe: 0}, never: ['wipe'], operations: {}};
  const text = renderReport({...run, ...found, violations: ['row 3 is missing']});
  expect(text).toContain(
    'kill 2, wipe 0\nnever came about: wipe\n1 VIOLATIONS:\n- row 3 is missing',
  );
  const outcomes = {repair: {done: 2}, 'move-replica': {cancelled: 1, done: 3}};
  expect(renderOutcomes(outcomes)).toBe(
    [
      'operation     cancelled  done',
      'move-replica          1     3',
      'repair                0     2',
    ].join('\n'),
  );
});
