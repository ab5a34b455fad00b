// The aggregates by name.

import type {AggregateSpec} from '../plan/plan.ts';
import type {Accumulator} from './accumulator.ts';
import {CountAccumulator} from './count.ts';
import {ExtremeAccumulator} from './extremes.ts';
import {FirstLastAccumulator} from './first-last.ts';
import {SumAccumulator} from './sums.ts';
import type {TimeBase} from './vector.ts';

export function createAccumulator(spec: AggregateSpec, base: TimeBase): Accumulator {
  switch (spec.name) {
    case 'count':
      return new CountAccumulator();
    case 'sum':
    case 'avg':
      return new SumAccumulator(spec);
    case 'min':
    case 'max':
      return new ExtremeAccumulator(spec.name, spec.type, base);
    case 'first':
    case 'last':
    case 'first-row':
    case 'last-row':
      return new FirstLastAccumulator(spec.name, spec.type, base);
  }
}
