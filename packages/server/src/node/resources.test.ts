import {MEMORY_LIMITS} from '@flotilla/base';
import {expect, test} from 'vitest';
import {resourcesOf, thisMachine} from './resources.ts';

const GIB = 1024 ** 3;

test('by default an engine thread for each core but one, as far as there is memory for them', () => {
  const threads = (cores: number, memoryGib: number): number =>
    resourcesOf({}, {cores, memoryBytes: memoryGib * GIB}).engineThreads;
  expect(threads(1, 64)).toBe(1);
  expect(threads(2, 64)).toBe(1);
  expect(threads(16, 64)).toBe(15);
  expect(threads(16, 4)).toBe(4);
  expect(threads(16, 0.5)).toBe(1);
});

test('budgets are their limits on a large machine and less on a small one', () => {
  expect(resourcesOf({}, {cores: 4, memoryBytes: 512 * GIB}).memory).toEqual(MEMORY_LIMITS);
  const {memtables_bytes_max} = resourcesOf({}, {cores: 2, memoryBytes: 4 * GIB}).memory;
  expect(memtables_bytes_max).toBeLessThan(MEMORY_LIMITS.memtables_bytes_max / 2);
});

test('what is given is taken, or refused with what is needed', () => {
  const machine = {cores: 8, memoryBytes: 64 * GIB};
  expect(resourcesOf({engineThreads: 0}, machine).engineThreads).toBe(0);
  expect(resourcesOf({engineThreads: 3, memoryBytes: 8 * GIB}, machine)).toMatchObject({
    engineThreads: 3,
    memoryBytes: 8 * GIB,
  });
  expect(() => resourcesOf({engineThreads: 3, memoryBytes: GIB}, machine)).toThrow(
    '--memory: 3 engine threads take at least 1568MiB',
  );
});

test('a machine with too little memory for anything still starts, with the least', () => {
  expect(resourcesOf({}, {cores: 4, memoryBytes: 1}).engineThreads).toBe(1);
  expect(resourcesOf({engineThreads: 4}, {cores: 4, memoryBytes: 1}).engineThreads).toBe(4);
});

test('this machine has a core and memory', () => {
  const {cores, memoryBytes} = thisMachine();
  expect(cores).toBeGreaterThan(0);
  expect(memoryBytes).toBeGreaterThan(1024 ** 2);
  expect(Number.isFinite(memoryBytes)).toBe(true);
});
