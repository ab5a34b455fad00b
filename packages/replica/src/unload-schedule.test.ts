import {expect, test} from 'vitest';
import {IndexBudget} from './index-budget.ts';
import type {ReplicaMachine} from './replica-machine.ts';
import {UNLOAD_AGE_MS, UnloadSchedule} from './unload-schedule.ts';

const MINUTE_MS = 60_000;

/** As far as the schedule looks at it. */
function machine(loadedBytes = 100) {
  const own = {uses: 1, loadedBytes};
  return {own, machine: own as unknown as ReplicaMachine};
}

test('a replica is due when nobody has used it for an hour, and not before', () => {
  const used = machine();
  const unused = machine();
  const machines = [used.machine, unused.machine];
  const schedule = new UnloadSchedule(new IndexBudget());
  expect(UNLOAD_AGE_MS).toBe(60 * MINUTE_MS);
  expect(schedule.due(machines, 0)).toEqual([]);
  used.own.uses += 1;
  expect(schedule.due(machines, UNLOAD_AGE_MS - 1)).toEqual([]);
  expect(schedule.due(machines, UNLOAD_AGE_MS)).toEqual([unused.machine]);
  // It is asked again until it is unloaded.
  expect(schedule.due(machines, UNLOAD_AGE_MS + 1)).toEqual([unused.machine]);
  unused.own.loadedBytes = 0;
  expect(schedule.due(machines, 2 * UNLOAD_AGE_MS - 2)).toEqual([]);
  expect(schedule.due(machines, 2 * UNLOAD_AGE_MS - 1)).toEqual([used.machine]);
});

test('one that was unloaded and is loaded again has its hour anew', () => {
  const {own, machine: one} = machine();
  const schedule = new UnloadSchedule(new IndexBudget());
  schedule.due([one], 0);
  own.loadedBytes = 0;
  schedule.due([one], UNLOAD_AGE_MS);
  own.loadedBytes = 100;
  expect(schedule.due([one], UNLOAD_AGE_MS + 1)).toEqual([]);
  expect(schedule.due([one], 2 * UNLOAD_AGE_MS + 1)).toEqual([one]);
});

test('with the budget full those go that were used longest ago, until there is room, but none of the last minute', () => {
  const all = [machine(300), machine(200), machine(400), machine(100)];
  const [first, second, third, last] = all as [(typeof all)[0], ...typeof all];
  const budget = new IndexBudget(500);
  const schedule = new UnloadSchedule(budget);
  const due = (nowMs: number) =>
    schedule.due(
      all.map((each) => each.machine),
      nowMs,
    );
  budget.change(1_000);
  expect(due(0)).toEqual([]);
  for (const [i, {own}] of [second!, first, third!].entries()) {
    own.uses += 1;
    due(1 + i);
  }
  // Not used since the first look: 100, then 200, then 300 leave 400.
  expect(due(MINUTE_MS - 1)).toEqual([]);
  expect(due(MINUTE_MS + 1)).toEqual([last!.machine, second!.machine]);
  expect(due(MINUTE_MS + 9)).toEqual([last!.machine, second!.machine, first.machine]);
  budget.change(-501);
  expect(due(MINUTE_MS + 10)).toEqual([]);
});

test('a replica that is gone is forgotten', () => {
  const {machine: one} = machine();
  const schedule = new UnloadSchedule(new IndexBudget());
  schedule.due([one], 0);
  schedule.due([], 1);
  expect(schedule.due([one], UNLOAD_AGE_MS)).toEqual([]);
});

test('a minute of use keeps a replica in a full budget', () => {
  const {own, machine: one} = machine(100);
  const budget = new IndexBudget(50);
  budget.change(100);
  const schedule = new UnloadSchedule(budget);
  for (let nowMs = 0; nowMs < 10 * MINUTE_MS; nowMs += MINUTE_MS / 2) {
    own.uses += 1;
    expect(schedule.due([one], nowMs)).toEqual([]);
  }
});
