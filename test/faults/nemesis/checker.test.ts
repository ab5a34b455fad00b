// A checker that cannot fail proves nothing: each kind of damage is planted and must be seen.

import type {Row} from '@flotilla/client';
import type {RegisterOperation} from '@flotilla/simulator';
import {expect, test} from 'vitest';
import {Availability} from './availability.ts';
import {RegisterHistories} from './register-histories.ts';
import {renderFigures, renderReport} from './report.ts';
import {linesOf, RowLedger, rowOf} from './row-ledger.ts';

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
  availability.written({startMs: 50, endMs: 60});
  availability.written({startMs: 110, endMs: 1_000, error: 'TIMEOUT'});
  expect(availability.violations()).toEqual([]);
  second.endMs = 400;
  availability.written({startMs: 250, endMs: 290, error: 'late'});
  expect(availability.violations()).toEqual([
    'a write failed with a majority alive (no fault): late',
  ]);
  availability.written({startMs: 150, endMs: 290, error: 'NO_LEADER'});
  expect(availability.violations()).toContain(
    'a write failed with a majority alive (kill in round 1): NO_LEADER',
  );
});

test('the longest wait beside each kind of fault', () => {
  const availability = new Availability();
  const pause = availability.begin({kind: 'pause', scope: 'minority', round: 1, beginMs: 1_000});
  pause.endMs = 5_000;
  const isolate = {kind: 'isolate', scope: 'majority', round: 2} as const;
  availability.begin({...isolate, beginMs: 6_000});
  availability.written({startMs: 4_900, endMs: 5_900});
  availability.written({startMs: 1_000, endMs: 1_400});
  availability.written({startMs: 6_500, endMs: 9_500});
  availability.written({startMs: 6_600, endMs: 9_000, error: 'NO_LEADER'});
  expect(availability.figures()).toEqual([
    {kind: 'pause', times: 1, longestMs: 1_000, failed: 0, longestBeyondMs: 0, failedBeyond: 0},
    {kind: 'isolate', times: 1, longestMs: 0, failed: 0, longestBeyondMs: 3_000, failedBeyond: 1},
  ]);
  expect(renderFigures(availability.figures())).toContain('pause        1          1.0 s');
});

test('the report for people names what is violated', () => {
  const report = {seed: 7, minutes: 3, faults: {}, acknowledged: 10, lost: 1, stale: 0, phantom: 0};
  expect(renderReport({...report, stuckOperations: 0, violations: ['row 3 is missing']})).toContain(
    '1 VIOLATIONS:\n- row 3 is missing',
  );
});
