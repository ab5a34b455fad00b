import type {Log, NodeId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {NodeNews} from './node-news.ts';

const NODE = 2 as NodeId;

function taking() {
  const lines: [string, object, string][] = [];
  const take = (level: string) => (facts: object, message: string) => {
    lines.push([level, facts, message]);
  };
  const log = {info: take('info'), warn: take('warn'), error: take('error')} as unknown as Log;
  return {news: new NodeNews(log), lines};
}

test('a node that falls silent and is heard again has a line each', () => {
  const {news, lines} = taking();
  for (const state of ['alive', 'suspect', 'suspect', 'alive', 'alive'] as const)
    news.changed(NODE, {state, bootEpoch: 1});
  expect(lines).toEqual([
    ['warn', {node: NODE}, 'a node has fallen silent: others are to lead what it leads'],
    ['info', {node: NODE}, 'a node is heard again'],
  ]);
});

test('each thread that stands still is told of once, and again after it ran', () => {
  const {news, lines} = taking();
  for (const stalledThreads of [[0], [0], [0, 1], [], [0]])
    news.changed(NODE, {state: 'alive', bootEpoch: 1, stalledThreads});
  expect(lines.map(([, facts]) => facts)).toEqual([
    {node: NODE, threads: [0]},
    {node: NODE, threads: [1]},
    {node: NODE, threads: [0]},
  ]);
});

test('of its own threads a node tells how long each had no turn, and its disk took nothing', () => {
  const {news, lines} = taking();
  news.stalled([{turnAgeMs: 3.4, writeAgeMs: 512.7}]);
  expect(lines).toEqual([
    [
      'warn',
      {threads: [{thread: 0, turnAgeMs: 3, writeAgeMs: 513}]},
      'threads of this node, or their disks, stand still',
    ],
  ]);
});
