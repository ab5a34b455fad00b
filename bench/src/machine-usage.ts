// How busy the machine was between two looks, whoever used it: what a latency is to be read against.
// @see proc_stat(5); Documentation/accounting/psi.rst of Linux

import {existsSync, readFileSync} from 'node:fs';
import {TICKS_PER_SECOND} from './process-usage.ts';

const STAT = '/proc/stat';
/** Not on kernels without PSI. */
const PRESSURE = '/proc/pressure/cpu';
const US_PER_SECOND = 1e6;

export interface MachineTimes {
  readonly atMs: number;
  /** Of all processors together. */
  readonly busySeconds: number;
  readonly idleSeconds: number;
  readonly stolenSeconds: number;
  /** In which at least one thread could run and had no processor; undefined where the kernel does not say. */
  readonly pressureSeconds: number | undefined;
}

export interface MachineUsage {
  /** Of all processors' time, 0 to 1; what was stolen is in it. */
  readonly busyShare: number;
  /** Taken by the host while a processor had work: it stood still, and nothing in it could know. */
  readonly stolenSeconds: number;
  /** Of the time, 0 to 1, in which at least one thread waited for a processor. */
  readonly waitingShare: number | undefined;
}

export function machineTimes(): MachineTimes {
  const pressure = existsSync(PRESSURE) ? readFileSync(PRESSURE, 'utf8') : '';
  return parseMachineTimes(readFileSync(STAT, 'utf8'), pressure, performance.now());
}

export function parseMachineTimes(stat: string, pressure: string, atMs: number): MachineTimes {
  const fields = /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ') ?? [];
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, stolen = 0] =
    fields.map((ticks) => Number(ticks) / TICKS_PER_SECOND);
  const waited = /^some .*total=(\d+)$/m.exec(pressure)?.[1];
  return {
    atMs,
    busySeconds: user + nice + system + irq + softIrq + stolen,
    idleSeconds: idle + ioWait,
    stolenSeconds: stolen,
    pressureSeconds: waited === undefined ? undefined : Number(waited) / US_PER_SECOND,
  };
}

export function machineUsage(before: MachineTimes, after: MachineTimes): MachineUsage {
  const busy = after.busySeconds - before.busySeconds;
  const all = busy + after.idleSeconds - before.idleSeconds;
  const seconds = (after.atMs - before.atMs) / 1000;
  const {pressureSeconds: waitedBefore} = before;
  const {pressureSeconds: waitedAfter} = after;
  return {
    busyShare: round(busy / all),
    stolenSeconds: round(after.stolenSeconds - before.stolenSeconds),
    waitingShare:
      waitedBefore === undefined || waitedAfter === undefined
        ? undefined
        : round((waitedAfter - waitedBefore) / seconds),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
