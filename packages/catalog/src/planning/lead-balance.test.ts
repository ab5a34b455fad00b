// Goal: what is passed on ends, and ends where no chain of nodes could make the leads more even.

import type {NodeId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {LeadBalance} from './lead-balance.ts';

interface Lead {
  holder: NodeId;
  readonly allowed: readonly NodeId[];
}

const node = (i: number) => i as NodeId;

/** Until nothing moves, each time from the facts as they are then. */
function settle(leads: readonly Lead[], nodes: number): Map<NodeId, number> {
  for (let round = 0; ; round++) {
    expect(round).toBeLessThan(100);
    const balance = new LeadBalance<Lead>(countsOf(leads, nodes));
    for (const lead of leads) {
      for (const to of lead.allowed) if (to !== lead.holder) balance.allow(lead, lead.holder, to);
    }
    let moved = 0;
    for (let moves = balance.next(); moves.length > 0; moves = balance.next()) {
      for (const {item, from, to} of moves) {
        expect(item.holder).toBe(from);
        expect(item.allowed).toContain(to);
        item.holder = to;
        moved += 1;
      }
    }
    if (moved === 0) return countsOf(leads, nodes);
  }
}

function countsOf(leads: readonly Lead[], nodes: number): Map<NodeId, number> {
  const counts = new Map(Array.from({length: nodes}, (_, i) => [node(i), 0]));
  for (const {holder} of leads) counts.set(holder, counts.get(holder)! + 1);
  return counts;
}

/** By lead: nodes that may hold it, the first of them does. */
const wishes = (nodes: number) =>
  fc.array(fc.uniqueArray(fc.integer({min: 0, max: nodes - 1}), {minLength: 1}), {maxLength: 40});

const leadsOf = (allowed: readonly number[][]): Lead[] =>
  allowed.map((nodes) => ({holder: node(nodes[0]!), allowed: nodes.map(node)}));

test('no chain is left that would make two nodes more even', () => {
  fc.assert(
    fc.property(wishes(6), (allowed) => {
      const leads = leadsOf(allowed);
      const counts = settle(leads, 6);
      const reach = Array.from({length: 6}, (_, i) =>
        Array.from({length: 6}, (_, j) =>
          leads.some(({holder, allowed: to}) => holder === node(i) && to.includes(node(j))),
        ),
      );
      for (let k = 0; k < 6; k++)
        for (let i = 0; i < 6; i++)
          for (let j = 0; j < 6; j++) reach[i]![j] ||= reach[i]![k]! && reach[k]![j]!;
      for (let i = 0; i < 6; i++)
        for (let j = 0; j < 6; j++)
          if (reach[i]![j]) expect(counts.get(node(i))! - counts.get(node(j))!).toBeLessThan(2);
    }),
  );
});

test('where each may go anywhere all end within one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({min: 0, max: 4}), {maxLength: 40}), (holders) => {
      const all = [0, 1, 2, 3, 4].map(node);
      const counts = settle(
        holders.map((holder) => ({holder: node(holder), allowed: all})),
        5,
      );
      expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThan(2);
    }),
  );
});

test('a node passes on what it gets where no lead may go all the way', () => {
  const counts = settle(
    leadsOf([
      [0, 1],
      [0, 1],
      [0, 1],
      [1, 2],
      [1, 2],
    ]),
    3,
  );
  expect([...counts.values()].sort()).toEqual([1, 2, 2]);
});
