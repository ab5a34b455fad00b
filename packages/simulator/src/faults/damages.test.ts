import type {NodeId} from '@flotilla/base';
import {beforeEach, expect, test} from 'vitest';
import {Coverage} from '../checks/coverage.ts';
import {chanceOf} from '../kernel/chance.ts';
import {Kernel} from '../kernel/kernel.ts';
import {Trace} from '../kernel/trace.ts';
import {SimNode} from '../world/node.ts';
import type {NodePorts} from '../world/node-ports.ts';
import {Damages} from './damages.ts';

const LOG = 'store-0/log';
const SEGMENT = `${LOG}/segment-1`;
const WRITTEN = new Uint8Array(64).fill(7);

let node: SimNode;
let damages: Damages;
const coverage = new Coverage();
const chance = chanceOf(1, 'damages');
const taken = (): number => coverage.of('damages:taken back');

async function write(bytes: Uint8Array): Promise<void> {
  const file = await node.disk.open(SEGMENT, 'write');
  await file.writeAt(0, [bytes]);
  await file.sync();
  await file.close();
}

beforeEach(async () => {
  const kernel = new Kernel(new Trace(undefined));
  const ports = {kernel, chance, stores: 1, disks: 'plain'};
  node = new SimNode(1 as NodeId, ports as unknown as NodePorts);
  const {disk} = node;
  Object.assign(disk.latencyMs, {read: 0, write: 0, sync: 0});
  await disk.makeDirectory(LOG);
  await (await disk.open(SEGMENT, 'create')).close();
  for (const path of [LOG, 'store-0', '']) await disk.syncDirectory(path);
  await write(WRITTEN);
  damages = new Damages({
    ...{kernel, coverage, nodes: [node]},
    isCalm: () => true,
    hold: () => undefined,
    isRemembered: () => true,
    stakes: () => [],
    end: () => undefined,
  });
});

test('a bit that rotted is right again where a set was made that could not do without the node', () => {
  const before = taken();
  expect(damages.rotBit(node, chance)).toBe(true);
  expect(node.disk.bytesOf(SEGMENT)).not.toEqual(WRITTEN);
  damages.starting(node, () => false);
  expect(node.disk.bytesOf(SEGMENT)).toEqual(WRITTEN);
  expect(taken()).toBe(before + 1);
});

test('what each set can do without the node for stays damaged, whatever is made after its start', () => {
  const before = taken();
  damages.flipBit(node, chance);
  const damaged = node.disk.bytesOf(SEGMENT);
  damages.starting(node, () => true);
  damages.starting(node, () => false);
  expect(node.disk.bytesOf(SEGMENT)).toEqual(damaged);
  expect(taken()).toBe(before);
});

test('a bit that was written over since is not turned', async () => {
  damages.rotBit(node, chance);
  await write(WRITTEN);
  damages.starting(node, () => false);
  expect(node.disk.bytesOf(SEGMENT)).toEqual(WRITTEN);
});

test('an old image is taken back with what was written after it', async () => {
  node.takeImage();
  const later = new Uint8Array(64).fill(9);
  await write(later);
  node.kept.set('later', {} as never);
  damages.restoreImage(node);
  expect(node.disk.bytesOf(SEGMENT)).toEqual(WRITTEN);
  expect(node.kept.size).toBe(0);
  damages.starting(node, () => false);
  expect(node.disk.bytesOf(SEGMENT)).toEqual(later);
  expect(node.kept.size).toBe(1);
});
