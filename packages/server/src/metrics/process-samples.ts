// What every process tells, under the names that Prometheus's own clients use.

import {readdir, statfs} from 'node:fs/promises';
import {performance} from 'node:perf_hooks';
import type {Sample} from './sample.ts';

const US_PER_S = 1e6;

/** @param directory on the disk whose space counts. */
export async function processSamples(directory: string): Promise<Sample[]> {
  const {user, system} = process.cpuUsage();
  return [
    {metric: 'process_cpu_user_seconds_total', value: user / US_PER_S},
    {metric: 'process_cpu_system_seconds_total', value: system / US_PER_S},
    {metric: 'process_cpu_seconds_total', value: (user + system) / US_PER_S},
    {metric: 'process_resident_memory_bytes', value: process.memoryUsage.rss()},
    {metric: 'process_start_time_seconds', value: performance.timeOrigin / 1000},
    ...(await openFiles()),
    ...(await diskSpace(directory)),
  ];
}

/** Where the system has no /proc, there is nothing to tell. */
async function openFiles(): Promise<Sample[]> {
  try {
    return [{metric: 'process_open_fds', value: (await readdir('/proc/self/fd')).length}];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function diskSpace(directory: string): Promise<Sample[]> {
  const {bavail, blocks, bsize} = await statfs(directory);
  return [
    {metric: 'flotilla_disk_free_bytes', value: bavail * bsize},
    {metric: 'flotilla_disk_size_bytes', value: blocks * bsize},
  ];
}
