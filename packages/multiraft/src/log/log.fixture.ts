// What tests of the log share: one set's replica, what is written for it, and a log on a disk in memory.

import {type ReplicaId, type ReplicaSetId, SeededRandom} from '@flotilla/base';
import type {Entry} from '@flotilla/raft';
import {MemoryDisk} from '@flotilla/testkit';
import type {LogItem} from './log-item.ts';
import {SegmentLog} from './segment-log.ts';

export const SET = 1 as ReplicaSetId;
export const REPLICA = 11 as ReplicaId;
export const key = {set: SET, replica: REPLICA};
export const founding = {
  index: 5,
  term: 5,
  configuration: {
    voters: [11, 12],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  },
};

export function open(disk: MemoryDisk, segmentBytes?: number, bootEpoch = 0): Promise<SegmentLog> {
  const place = {disk, path: 'store/log', random: new SeededRandom(1)};
  return SegmentLog.open({...place, segmentBytes, bootEpoch});
}

export function entries(first: number, count: number, term = 6, bytes = 20): Entry[] {
  return Array.from({length: count}, (_, i) => ({
    term,
    index: first + i,
    type: 'normal' as const,
    payload: new Uint8Array(bytes).fill(first + i),
  }));
}

export function write(
  list: Entry[],
  more: Partial<Extract<LogItem, {type: 'write'}>> = {},
): LogItem {
  return {type: 'write', ...key, term: 6, vote: 11, commit: 5, entries: list, ...more};
}

export async function readAll(log: SegmentLog, set = SET): Promise<Entry[]> {
  const group = log.group(set)!;
  if (group.lastIndex < group.firstIndex) return [];
  return log.read(group, {from: group.firstIndex, upto: group.lastIndex, bytesMax: Infinity});
}

export const plain = (list: readonly Entry[]) =>
  list.map((entry) => ({...entry, payload: [...entry.payload]}));

export async function filled(segmentBytes?: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await open(disk, segmentBytes);
  await log.append([{type: 'create', ...key, founding}]);
  await log.append([write(entries(6, 3))]);
  await log.append([write(entries(9, 2))]);
  return disk;
}

export const FILE = 'store/log/segment-0000000000000001';
