import type {ReplicaId} from '@flotilla/base';
import type {ReplicaReport} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {WriteMeter} from './write-meter.ts';

const report = (replica: number, writtenBytes?: number) =>
  ({replica: replica as ReplicaId, writtenBytes}) as ReplicaReport;

test('rates are those of the last whole minute', () => {
  const meter = new WriteMeter();
  meter.turn(0);
  meter.count(undefined, report(1, 5_000));
  meter.count(report(1, 5_000), report(1, 65_000));
  meter.count(report(2, 0), report(2, 120_000));
  meter.turn(59_000);
  expect(meter.rates).toBeUndefined();
  meter.turn(60_000);
  expect(meter.rates).toEqual({
    bytesPerSecond: 3_000,
    byReplica: new Map([
      [1, 1_000],
      [2, 2_000],
    ]),
  });
  meter.turn(120_000);
  expect(meter.rates).toEqual({bytesPerSecond: 0, byReplica: new Map()});
});

test('a replica that was opened anew, or that an older build reports, counts nothing', () => {
  const meter = new WriteMeter();
  meter.turn(0);
  meter.count(report(1, 5_000), report(1, 100));
  meter.count(report(2), report(2, 100));
  meter.count(report(2, 100), report(2));
  meter.turn(60_000);
  expect(meter.rates?.bytesPerSecond).toBe(0);
});
