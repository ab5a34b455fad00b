// Memory that codecs use within one call and never hand out. A thread runs one codec call at a time,
// so one array per role is enough; each grows to the longest run seen.

/** Roles that can be in use at the same time have arrays of their own. */
type Role = 'deltas' | 'scaled' | 'lengths' | 'codes' | 'differences' | 'rows';

const float64ByRole = new Map<Role, Float64Array>();
let words = new Uint32Array(1024);

export function scratchFloat64(role: Role, count: number): Float64Array {
  const have = float64ByRole.get(role);
  if (have !== undefined && have.length >= count) return have;
  const grown = new Float64Array(Math.max(1024, count, (have?.length ?? 0) * 2));
  float64ByRole.set(role, grown);
  return grown;
}

export function scratchWords(count: number): Uint32Array {
  if (words.length < count) words = new Uint32Array(Math.max(count, words.length * 2));
  return words;
}
