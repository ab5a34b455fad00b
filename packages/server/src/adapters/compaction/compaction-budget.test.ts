import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {CompactionBudget, measuredDisk} from './compaction-budget.ts';

const MIB = 1024 * 1024;

function budgetOf(share: Partial<ConstructorParameters<typeof CompactionBudget>[0]>) {
  const clock = new VirtualClock();
  const thread = {cpuMs: 0};
  const ports = {clock, cpuMs: () => thread.cpuMs};
  const budget = new CompactionBudget({cpu: 1, bytesPerSecond: 1e12, ...share}, ports);
  return {clock, thread, budget};
}

test.each([
  [0.5, 0.5],
  // A core to itself.
  [1, 1],
])('a merge that could use a core uses %d of it', async (cpu, wanted) => {
  const {clock, thread, budget} = budgetOf({cpu});
  const work = async (): Promise<void> => {
    for (;;) {
      const due = budget.due();
      if (due !== undefined) await due;
      // Each piece takes its time, on a core of its own.
      await new Promise<void>((resolve) => clock.setTimer(1, resolve));
      thread.cpuMs += 1;
    }
  };
  void work();
  await clock.advance(10_000);
  expect(thread.cpuMs / 10_000).toBeGreaterThan(wanted * 0.9);
  expect(thread.cpuMs / 10_000).toBeLessThan(wanted * 1.05);
  expect(budget.restMs / 10_000).toBeCloseTo(1 - wanted, 1);
});

test('what waits for the disk uses nothing of its share, and does not save it up', async () => {
  const {clock, thread, budget} = budgetOf({cpu: 0.5});
  await clock.advance(60_000);
  thread.cpuMs += 100;
  const due = budget.due()!;
  let isOver = false;
  void due.then(() => {
    isOver = true;
  });
  // 200 ms at its share, less the moment that it may catch up.
  await clock.advance(149);
  expect(isOver).toBe(false);
  await clock.advance(2);
  expect(isOver).toBe(true);
});

test('a merge that is to end rests no more, and the next does', async () => {
  const {clock, thread, budget} = budgetOf({cpu: 0.001});
  const endsIn = async (ms: number): Promise<boolean> => {
    let isOver = false;
    thread.cpuMs += 1_000;
    await clock.advance(10);
    void budget.due()!.then(() => {
      isOver = true;
    });
    if (ms === 0) budget.hurry();
    await clock.advance(1);
    return isOver;
  };
  expect(await endsIn(0)).toBe(true);
  budget.begin();
  expect(await endsIn(1)).toBe(false);
});

test('bytes read and written count together, and what is written is synced as it comes', async () => {
  const {clock, budget} = budgetOf({bytesPerSecond: 16 * MIB});
  const plain = new MemoryDisk();
  const disk = measuredDisk(plain, budget);
  const syncs: number[] = [];
  const open = plain.open.bind(plain);
  plain.open = async (path, mode) => {
    const file = await open(path, mode);
    const sync = file.sync.bind(file);
    file.sync = () => {
      syncs.push(clock.monotonicMs());
      return sync();
    };
    return file;
  };
  let endMs = 0;
  const work = async (): Promise<void> => {
    const file = await disk.open('a', 'create');
    for (let i = 0; i < 24; i++) await file.writeAt(i * MIB, [new Uint8Array(MIB)]);
    for (let i = 0; i < 8; i++) await file.readAt(i * MIB, MIB);
    await file.sync();
    await file.close();
    endMs = clock.monotonicMs();
  };
  const working = work();
  await clock.until(() => endMs > 0);
  await working;
  expect(endMs).toBeGreaterThan(1_900);
  expect(endMs).toBeLessThan(2_050);
  expect(budget.readBytes).toBe(8 * MIB);
  // At each eighth MiB, and at the end.
  expect(syncs).toHaveLength(4);
  expect(await disk.exists('a')).toBe(true);
});
