import {expect, it} from 'vitest';
import {type Constants, constantsOf} from './constants.ts';
import type {SetCosts} from './measured-set.ts';

const TRUE: Constants = {
  rowsPerCpuSecond: 250_000,
  rowMicros: 2,
  valueMicros: {integer: 0.2, decimal: 0.23, float: 0.7},
  replicaShare: 0.4,
  logRowBytes: 5,
  logValueBytes: {integer: 0.875, decimal: 1.75, float: 8},
  partValueBytes: {integer: 0.3, decimal: 1.2, float: 6.5},
  blockColumnBytes: 12,
  keyBytes: 82,
};

/** What rows cost where those are the constants. */
function costsOf(
  values: keyof Constants['valueMicros'],
  {fields = 10, blockRows = 360, replicas = 1} = {},
): SetCosts {
  const first = TRUE.rowMicros + fields * TRUE.valueMicros[values];
  return {
    rows: 1,
    cpuMicrosPerRow: first * (1 + TRUE.replicaShare * (replicas - 1)),
    logBytesPerRow: TRUE.logRowBytes + fields * TRUE.logValueBytes[values],
    flushedBytesPerRow: 0,
    partBytesPerRow:
      fields * TRUE.partValueBytes[values] + ((fields + 1) * TRUE.blockColumnBytes) / blockRows,
    keyBytesPerHost: TRUE.keyBytes,
    memoryBytes: 0,
  };
}

it('finds the constants by which sets were made', () => {
  const costs = new Map([
    ['integers', costsOf('integer')],
    ['decimals', costsOf('decimal')],
    ['floats', costsOf('float')],
    ['narrow', costsOf('integer', {fields: 1})],
    ['short', costsOf('integer', {blockRows: 60})],
    ['replicated', costsOf('decimal', {replicas: 3})],
  ]);
  expect(constantsOf(costs)).toEqual(TRUE);
});
