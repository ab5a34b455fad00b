import {expect, it} from 'vitest';
import {machineTimes, machineUsage, parseMachineTimes} from './machine-usage.ts';

const pressureOf = (us: number) =>
  `some avg10=0.00 avg60=0.00 avg300=0.00 total=${us}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`;

it('tells what share of the processors was busy, stolen and waited for', () => {
  // user nice system idle iowait irq softirq steal guest guest_nice, in ticks of 1/100 s.
  const before = parseMachineTimes('cpu  100 0 50 1000 10 0 5 20 0 0\ncpu0 1 1', pressureOf(0), 0);
  const after = parseMachineTimes(
    'cpu  900 50 250 1290 20 0 55 220 0 0\ncpu0 1 1',
    pressureOf(6e6),
    8_000,
  );
  expect(machineUsage(before, after)).toEqual({
    busyShare: 0.81, // 13 s of 16.1; those that were stolen are among them.
    stolenSeconds: 2,
    waitingShare: 0.75,
  });
});

it('says nothing of waits where the kernel does not', () => {
  const times = parseMachineTimes('cpu  1 2 3 4 5 6 7 8 0 0\n', '', 0);
  const later = parseMachineTimes('cpu  2 2 3 5 5 6 7 8 0 0\n', '', 10);
  expect(machineUsage(times, later)).toMatchObject({busyShare: 0.5, waitingShare: undefined});
});

it('sees this machine at work', () => {
  const before = machineTimes();
  const endMs = performance.now() + 50;
  while (performance.now() < endMs);
  const {busyShare} = machineUsage(before, machineTimes());
  expect(busyShare).toBeGreaterThan(0);
  expect(busyShare).toBeLessThanOrEqual(1);
});
