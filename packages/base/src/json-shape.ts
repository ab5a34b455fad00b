// Whether JSON that was kept can be what was written. Its checksum says that the bytes came back as they were
// given, and no more; what cannot have been written is refused by name, before anything follows from it.

import {FatalError} from './errors.ts';

/** Throws FatalError that names the place and what is wanted there. */
export type Check = (value: unknown, path: string) => void;

/** Of a value, in a message. */
const TOLD_CHARS_MAX = 60;

/** Throws FatalError where the bytes are no JSON; `what` they were to be. */
export function parseJson(bytes: Uint8Array | string, what: string): unknown {
  try {
    return JSON.parse(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes));
  } catch (error) {
    throw new FatalError(`${what}: want JSON; have ${bytes.length} other bytes`, error);
  }
}

export function wrong(path: string, want: string, have: unknown): FatalError {
  const text = JSON.stringify(have) ?? 'nothing';
  const told = text.length > TOLD_CHARS_MAX ? `${text.slice(0, TOLD_CHARS_MAX)}..` : text;
  return new FatalError(`${path}: want ${want}; have ${told}`);
}

export const integerOf =
  (min: number, max: number): Check =>
  (value, path) => {
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
      throw wrong(path, `an integer of ${min} to ${max}`, value);
  };

/** Also an id, an index, a term. */
export const count: Check = integerOf(0, Number.MAX_SAFE_INTEGER);
export const offset: Check = integerOf(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

export const text: Check = (value, path) => {
  if (typeof value !== 'string') throw wrong(path, 'a text', value);
};

export const flag: Check = (value, path) => {
  if (typeof value !== 'boolean') throw wrong(path, 'true or false', value);
};

export const textOf =
  (form: RegExp): Check =>
  (value, path) => {
    if (typeof value !== 'string' || !form.test(value)) throw wrong(path, `${form}`, value);
  };

export const absentOr =
  (check: Check): Check =>
  (value, path) => {
    if (value !== undefined) check(value, path);
  };

export const listOf =
  (check: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) throw wrong(path, 'a list', value);
    for (let i = 0; i < value.length; i++) check(value[i], `${path}[${i}]`);
  };

/** Fields of other names are left as they are: a newer build may have written them. */
export const fieldsOf = (checks: Readonly<Record<string, Check>>): Check => {
  const entries = Object.entries(checks);
  return (value, path) => {
    if (typeof value !== 'object' || value === null) throw wrong(path, 'an object', value);
    const fields = value as Readonly<Record<string, unknown>>;
    for (const [name, check] of entries) check(fields[name], `${path}.${name}`);
  };
};

export const allOf =
  (...checks: readonly Check[]): Check =>
  (value, path) => {
    for (const check of checks) check(value, path);
  };
