// Nanoseconds of CPU that a number of a line takes, with a given count of digits: those that programs print. Run with
// the project's Node: `node packages/ingest/src/line-protocol/long-decimal.bench.ts`.

import {SeededRandom} from '@flotilla/base';
import {NumberLiteral} from './number-literal.ts';

const COUNT = 10_000;
const ROUNDS = 100;
const KINDS: Readonly<Record<string, (value: number) => string>> = {
  integer: (value) => `${Math.trunc(value)}i`,
  'two decimals': (value) => value.toFixed(2),
  'every digit': String,
};

function measure(text: (value: number) => string): number {
  const random = new SeededRandom(1);
  const values = Array.from({length: COUNT}, () => text(random.next() * 100));
  const bytes = Buffer.from(`${values.join(',')},`);
  const literal = new NumberLiteral();
  const readAll = (): void => {
    for (let at = 0; at < bytes.length; ) at = literal.read(bytes, at) + 1;
  };
  for (let round = 0; round < ROUNDS; round++) readAll();
  const start = process.cpuUsage().user;
  for (let round = 0; round < ROUNDS; round++) readAll();
  return ((process.cpuUsage().user - start) * 1000) / (COUNT * ROUNDS);
}

for (const [kind, text] of Object.entries(KINDS)) {
  const ns = measure(text);
  console.log(`${kind.padEnd(14)} ${ns.toFixed(1)} ns`);
}
