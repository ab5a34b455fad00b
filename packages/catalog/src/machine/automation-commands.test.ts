import {expect, test} from 'vitest';
import type {SetAutomation} from '../commands.ts';
import {pausesOf} from '../planning/pauses.ts';
import {code, founded, id, must} from './catalog-machine.fixture.ts';

test('a pause holds until its end or until it is resumed, each kind by itself; a later one replaces it', () => {
  const {machine, run} = founded();
  const set = (change: Omit<SetAutomation, 'type'>) => run({type: 'set-automation', ...change});
  const paused = (nowMs: number) => pausesOf(machine.catalog.cluster, nowMs).map(({kind}) => kind);
  must(set({kinds: ['repair', 'repair'], paused: true, untilMs: 50, atMs: 10}));
  must(set({kinds: ['rebalance'], paused: true, atMs: 10}));
  expect(paused(49)).toEqual(['repair', 'rebalance']);
  expect(paused(50)).toEqual(['rebalance']);
  must(set({kinds: ['repair'], paused: true, untilMs: 90, atMs: 20}));
  expect(paused(50)).toEqual(['rebalance', 'repair']);
  must(set({kinds: ['repair', 'rebalance'], paused: false, atMs: 30}));
  expect(machine.catalog.cluster?.pauses).toBeUndefined();
  expect(code(set({kinds: ['repair'], paused: true, untilMs: 30, atMs: 30}))).toBe(
    'INVALID_ARGUMENT',
  );
  expect(machine.catalog.cluster).toMatchObject({automation: 'running', failover: 'automatic'});
});

test('a node is in maintenance as it was said last, unless it is gone', () => {
  const {machine, run} = founded();
  const set = (node: number, untilMs: number) =>
    run({type: 'set-maintenance', node: id(node), maintenance: {untilMs, scope: 'all'}});
  must(set(2, 50));
  must(set(2, 70));
  expect(machine.catalog.node(id(2))).toMatchObject({maintenance: {untilMs: 70, scope: 'all'}});
  expect(code(set(9, 1))).toBe('NOT_FOUND');
  must(run({type: 'set-node-state', node: id(3), state: 'decommissioned'}));
  expect(code(set(3, 1))).toBe('CONFLICT');
});
