// Into which ranges of time a table is cut, so that each makes a file of a bearable size: bins of a month are
// counted, those with too many rows are counted again by day, hour, minute and second, and neighbours that are
// small enough together become one.

export interface Window {
  /** Nanoseconds since 1970; [start, end). */
  readonly start: bigint;
  readonly end: bigint;
  readonly rows: number;
}

export interface Bin {
  readonly text: string;
  readonly ns: bigint;
}

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;
/** As date_bin takes them. From the first, thirty years make some 365 groups. */
const BINS: readonly Bin[] = [
  {text: '30 days', ns: 30n * DAY},
  {text: '1 day', ns: DAY},
  {text: '1 hour', ns: 3_600n * SECOND},
  {text: '1 minute', ns: 60n * SECOND},
  {text: '1 second', ns: SECOND},
];

/** The rows of each bin that has some, in [start, end) or everywhere. */
export type CountBins = (
  bin: Bin,
  range: Pick<Window, 'start' | 'end'> | undefined,
) => Promise<readonly {readonly start: bigint; readonly rows: number}[]>;

/** Of 64 bits: no statement names an earlier one. */
export const TIME_MIN = -(2n ** 63n);

/** The first start of such a bin that is a time. That of the rows before it is none, and no date_bin tells it. */
export function firstBinWithin({ns}: Bin): bigint {
  return (TIME_MIN / ns) * ns;
}

/** In order of time. A second with more rows than that stays whole. */
export async function planWindows(count: CountBins, rowsMax: number): Promise<Window[]> {
  const windows: Window[] = [];
  for await (const bin of fineBins(count, rowsMax, {level: 0, range: undefined})) {
    const last = windows.at(-1);
    if (last !== undefined && last.rows + bin.rows <= rowsMax)
      windows[windows.length - 1] = {...last, end: bin.end, rows: last.rows + bin.rows};
    else windows.push(bin);
  }
  return windows;
}

async function* fineBins(
  count: CountBins,
  rowsMax: number,
  {level, range}: {readonly level: number; readonly range: Window | undefined},
): AsyncGenerator<Window> {
  const bin = BINS[level]!;
  const found = [...(await count(bin, range))].sort((a, b) => (a.start < b.start ? -1 : 1));
  for (const {start, rows} of found) {
    const window = {start, end: start + bin.ns, rows};
    if (rows > rowsMax && level + 1 < BINS.length)
      yield* fineBins(count, rowsMax, {level: level + 1, range: window});
    else yield window;
  }
}

/** In two halves of time; undefined where there is no time between them. */
export function halved({start, end, rows}: Window): [Window, Window] | undefined {
  const middle = start + (end - start) / 2n;
  if (middle <= start) return undefined;
  const half = Math.ceil(rows / 2);
  return [
    {start, end: middle, rows: half},
    {start: middle, end, rows: rows - half},
  ];
}
