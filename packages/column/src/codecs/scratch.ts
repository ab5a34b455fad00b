// Memory that codecs use within one call and never hand out. A thread runs one codec call at a time,
// so one array per role is enough; each grows to the longest run seen.

/** Roles that can be in use at the same time have arrays of their own. */
type Role =
  | 'deltas'
  | 'seconds'
  | 'kept'
  | 'scaled'
  | 'lengths'
  | 'codes'
  | 'differences'
  | 'rows'
  | 'tops'
  | 'highs'
  | 'lowNumbers'
  | 'runs';
type PositionsRole = 'outliers' | 'odd';
type WordsRole = 'lows';
type FlagsRole = 'signs' | 'changes';

const float64ByRole = new Map<Role, Float64Array>();
const int32ByRole = new Map<PositionsRole, Int32Array>();
const wordsByRole = new Map<WordsRole, Uint32Array>();
const flagsByRole = new Map<FlagsRole, Uint8Array>();
let words = new Uint32Array(1024);

export function scratchFloat64(role: Role, count: number): Float64Array {
  const have = float64ByRole.get(role);
  if (have !== undefined && have.length >= count) return have;
  const grown = new Float64Array(Math.max(1024, count, (have?.length ?? 0) * 2));
  float64ByRole.set(role, grown);
  return grown;
}

export function scratchPositions(role: PositionsRole, count: number): Int32Array {
  const have = int32ByRole.get(role);
  if (have !== undefined && have.length >= count) return have;
  const grown = new Int32Array(Math.max(1024, count, (have?.length ?? 0) * 2));
  int32ByRole.set(role, grown);
  return grown;
}

export function scratchFlags(role: FlagsRole, count: number): Uint8Array {
  const have = flagsByRole.get(role);
  if (have !== undefined && have.length >= count) return have;
  const grown = new Uint8Array(Math.max(1024, count, (have?.length ?? 0) * 2));
  flagsByRole.set(role, grown);
  return grown;
}

/** Beside the words of `scratchWords`, which packing uses. */
export function scratchWordsOf(role: WordsRole, count: number): Uint32Array {
  const have = wordsByRole.get(role);
  if (have !== undefined && have.length >= count) return have;
  const grown = new Uint32Array(Math.max(1024, count, (have?.length ?? 0) * 2));
  wordsByRole.set(role, grown);
  return grown;
}

export function scratchWords(count: number): Uint32Array {
  if (words.length < count) words = new Uint32Array(Math.max(count, words.length * 2));
  return words;
}
