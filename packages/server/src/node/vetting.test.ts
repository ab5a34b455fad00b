import type {NodeId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {Vetting} from './vetting.ts';

test('a node is vetted with the answer of the last thread, whatever others wait for', () => {
  const vetted: NodeId[] = [];
  const vetting = new Vetting((node) => vetted.push(node));
  const [two, three, four] = [2, 3, 4] as NodeId[];
  vetting.begin(two!, 2);
  vetting.begin(three!, 2);
  vetting.answered(two!);
  vetting.answered(three!);
  expect(vetted).toEqual([]);
  // One that never met this node remembers nothing.
  vetting.begin(four!, 0);
  vetting.answered(three!);
  expect(vetted).toEqual([four, three]);
  vetting.answered(two!);
  expect(vetted).toEqual([four, three, two]);
  expect(() => vetting.answered(two!)).toThrow('nobody was asked about node 2');
});
