import {DbError, FatalError} from '@flotilla/base';
import {drainReactions} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {WorkOrder} from './work-order.ts';

function tellingWork() {
  const said: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    said.push(`${name} begins`);
    await drainReactions();
    said.push(`${name} ends`);
  };
  return {said, work};
}

test('an install waits for all before it; all after it waits for its end, though it fails', async () => {
  const order = new WorkOrder();
  const {said, work} = tellingWork();
  const before = [order.flush(work('flush')), order.compaction(work('compaction'))];
  const install = order.install(async () => {
    await work('install')();
    throw new Error('staged files are damaged');
  });
  const after = [order.flush(work('later flush')), order.compaction(work('later compaction'))];
  await expect(install).rejects.toThrow('damaged');
  await Promise.all([...before, ...after]);
  expect(said.slice(0, 4).toSorted()).toEqual([
    'compaction begins',
    'compaction ends',
    'flush begins',
    'flush ends',
  ]);
  expect(said.slice(4, 6)).toEqual(['install begins', 'install ends']);
  expect(said.slice(6).toSorted()).toEqual([
    'later compaction begins',
    'later compaction ends',
    'later flush begins',
    'later flush ends',
  ]);
});

test('a failed flush ends the flushes and installs after it, and no compaction', async () => {
  const order = new WorkOrder();
  const {said, work} = tellingWork();
  const failed = order.flush(async () => {
    throw new Error('EIO');
  });
  const after = [order.install(work('install')), order.flush(work('later flush'))];
  const compaction = order.compaction(work('compaction'));
  for (const each of [failed, ...after]) await expect(each).rejects.toThrow('EIO');
  await compaction;
  await order.settled();
  expect(said).toEqual(['compaction begins', 'compaction ends']);
});

test('it is idle once all that was asked for has ended, whatever became of it', async () => {
  const order = new WorkOrder();
  const {work} = tellingWork();
  expect(order.isIdle).toBe(true);
  const install = order.install(work('install'));
  const compaction = order.compaction(async () => {
    throw new Error('EIO');
  });
  expect(order.isIdle).toBe(false);
  await install;
  await expect(compaction).rejects.toThrow('EIO');
  expect(order.isIdle).toBe(true);
  const flush = order.flush(work('flush'));
  expect(order.isIdle).toBe(false);
  await flush;
  expect(order.isIdle).toBe(true);
});

test('a compaction that nobody was there to carry out ends nothing; a disk that broke ends the row', async () => {
  const order = new WorkOrder();
  const {said, work} = tellingWork();
  const failing = (error: Error) => order.compaction(() => Promise.reject(error));
  await expect(failing(new DbError('UNAVAILABLE', 'its thread died'))).rejects.toThrow('died');
  await order.compaction(work('next'));
  expect(said).toEqual(['next begins', 'next ends']);
  await expect(failing(new FatalError('cannot read: EIO'))).rejects.toThrow('EIO');
  await expect(order.compaction(work('last'))).rejects.toThrow('EIO');
  expect(said).toHaveLength(2);
});
