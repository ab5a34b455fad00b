import fc from 'fast-check';
import {expect, test} from 'vitest';
import {BinSlots} from './bin-slots.ts';

test('slots are found as in a map, near and far, below and above', () => {
  const near = fc.integer({min: -300, max: 300});
  const far = fc.integer({min: -(2 ** 40), max: 2 ** 40});
  fc.assert(
    fc.property(fc.array(fc.oneof({weight: 9, arbitrary: near}, far)), (ordinals) => {
      const slots = new BinSlots();
      const model = new Map<number, number>();
      for (const ordinal of ordinals) {
        expect(slots.get(ordinal)).toBe(model.get(ordinal) ?? -1);
        if (model.has(ordinal)) continue;
        slots.set(ordinal, model.size);
        model.set(ordinal, model.size);
      }
      for (const [ordinal, slot] of model) expect(slots.get(ordinal)).toBe(slot);
    }),
  );
});
