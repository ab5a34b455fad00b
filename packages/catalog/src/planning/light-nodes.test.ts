import type {NodeId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {Node} from '../model.ts';
import {LightNodes} from './light-nodes.ts';

test('the lightest comes first, of equals the one that was named first, whatever changes', () => {
  const score = fc.nat(4);
  fc.assert(
    fc.property(
      fc.array(score, {minLength: 1, maxLength: 8}),
      fc.array(fc.tuple(fc.nat(9), score), {maxLength: 20}),
      (first, changes) => {
        const nodes = first.map((_, i) => ({id: (10 - i) as NodeId}) as Node);
        const scores = new Map(nodes.map(({id}, i) => [id, first[i]!]));
        const light = new LightNodes(nodes, scores);
        const check = () => {
          const expected = [...nodes].sort((a, b) => scores.get(a.id)! - scores.get(b.id)!);
          expect(light.nodes).toEqual(expected);
          expect(light.least).toBe(Math.min(...scores.values()));
        };
        check();
        for (const [i, value] of changes) {
          const id = nodes[i % nodes.length]!.id;
          scores.set(id, value);
          light.changed(id);
          check();
        }
      },
    ),
  );
});
