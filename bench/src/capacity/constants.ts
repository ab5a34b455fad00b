// The constants of the model (packages/cli/src/capacity) as a run of all sets has them: each from the difference of
// two sets that differ in one thing. What no two sets tell apart the model has from elsewhere.

import type {SetCosts} from './measured-set.ts';

const FIELDS = 10;
/** Rows of a series in a block: ten seconds apart for a day, and for ten minutes. */
const BLOCK_ROWS = 360;
const SHORT_BLOCK_ROWS = 60;
const REPLICAS = 3;
const DIGITS = 3;

type ByKind = Readonly<Record<'integer' | 'decimal' | 'float', number>>;

export interface Constants {
  readonly rowsPerCpuSecond: number;
  readonly rowMicros: number;
  readonly valueMicros: ByKind;
  readonly replicaShare: number;
  readonly logRowBytes: number;
  readonly logValueBytes: ByKind;
  readonly partValueBytes: ByKind;
  readonly blockColumnBytes: number;
  readonly keyBytes: number;
}

/** Requires the sets integers, decimals, floats, narrow, short and replicated, of decimals. */
export function constantsOf(costs: ReadonlyMap<string, SetCosts>): Constants {
  const of = (name: string): SetCosts => costs.get(name)!;
  const integers = of('integers');
  const [rowMicros, valueMicros] = lines(of, ({cpuMicrosPerRow}) => cpuMicrosPerRow);
  const [logRowBytes, logValueBytes] = lines(of, ({logBytesPerRow}) => logBytesPerRow);
  const spread = 1 / SHORT_BLOCK_ROWS - 1 / BLOCK_ROWS;
  const blockColumnBytes =
    (of('short').partBytesPerRow - integers.partBytesPerRow) / spread / (FIELDS + 1);
  const blocks = ((FIELDS + 1) * blockColumnBytes) / BLOCK_ROWS;
  const further = of('replicated').cpuMicrosPerRow / of('decimals').cpuMicrosPerRow - 1;
  return {
    rowsPerCpuSecond: Math.round(1e6 / integers.cpuMicrosPerRow),
    rowMicros,
    valueMicros,
    replicaShare: round(further / (REPLICAS - 1)),
    logRowBytes,
    logValueBytes,
    partValueBytes: byKind(of, ({partBytesPerRow}) => (partBytesPerRow - blocks) / FIELDS),
    blockColumnBytes: round(blockColumnBytes),
    keyBytes: round(of('short').keyBytesPerHost),
  };
}

/** Of a figure that is so much a row and so much a value: what a row and what values of each kind take. */
function lines(
  of: (name: string) => SetCosts,
  figure: (costs: SetCosts) => number,
): [row: number, values: ByKind] {
  const one = figure(of('narrow'));
  const row = one - (figure(of('integers')) - one) / (FIELDS - 1);
  return [round(row), byKind(of, (costs) => (figure(costs) - row) / FIELDS)];
}

function byKind(of: (name: string) => SetCosts, figure: (costs: SetCosts) => number): ByKind {
  const integer = round(figure(of('integers')));
  const decimal = round(figure(of('decimals')));
  return {integer, decimal, float: round(figure(of('floats')))};
}

function round(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
