// Sizes as people type them: 512MiB, 4GB, 1.5GiB.

import {z} from 'zod';

const UNITS: Readonly<Record<string, number>> = {
  kb: 1e3,
  kib: 2 ** 10,
  mb: 1e6,
  mib: 2 ** 20,
  gb: 1e9,
  gib: 2 ** 30,
  tb: 1e12,
  tib: 2 ** 40,
};

export const ByteCount = z.string().transform((text, context) => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]i?b)$/i.exec(text) ?? [];
  if (number !== undefined) return Math.floor(Number(number) * UNITS[unit!.toLowerCase()]!);
  context.addIssue({code: 'custom', message: 'want a size with its unit, as 4GiB or 512MB'});
  return z.NEVER;
});
