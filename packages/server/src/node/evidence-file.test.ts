import type {NodeEvidence} from '@flotilla/catalog';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {decodeEvidence, encodeEvidence} from './evidence-file.ts';

const id = fc.integer({min: 1, max: 2 ** 40});
const ids = fc.array(id, {maxLength: 3});
const count = fc.nat();
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, {nil: undefined});

const configuration = fc.record({
  voters: ids,
  votersOutgoing: ids,
  learners: ids,
  learnersNext: ids,
  autoLeave: fc.boolean(),
});
const dead = fc.array(fc.record({table: id, columns: ids}), {maxLength: 2});
const place = fc.record({
  tenant: fc.string({minLength: 1}),
  databaseName: fc.string({minLength: 1}),
  bucket: id,
  endMs: fc.integer(),
  shard: fc.nat(3),
  shards: fc.integer({min: 4, max: 64}),
});
const birth = fc.record({
  database: id,
  startMs: fc.integer(),
  precision: fc.constantFrom('ns', 'us', 'ms'),
  deadTables: ids,
  deadColumns: maybe(dead),
  place: maybe(place),
});
const replica = fc.record({
  set: id,
  replica: id,
  lastTerm: count,
  lastIndex: count,
  configuration: maybe(configuration),
  configIndex: count,
  founding: maybe(configuration),
  isDamaged: fc.boolean(),
  birth: maybe(birth),
  tables: fc.array(fc.record({table: id, rowCount: count}), {maxLength: 3}),
  purgedTables: ids,
  deadColumns: dead,
});
const evidence = fc.record({
  cluster: fc.string(),
  node: id,
  name: fc.string(),
  address: maybe(fc.string()),
  stores: fc.integer({min: 1, max: 64}),
  replicas: fc.array(replica, {maxLength: 3}),
  ended: fc.array(fc.record({set: count, replica: id}), {maxLength: 3}),
  faults: fc.array(fc.string(), {maxLength: 2}),
}) as unknown as fc.Arbitrary<NodeEvidence>;

test('what was written is read back', () => {
  const property = fc.property(evidence, (one) => {
    // As JSON: a field that is absent and one that is undefined are the same there.
    expect(decodeEvidence(encodeEvidence(one))).toEqual(JSON.parse(JSON.stringify(one)));
  });
  fc.assert(property, {numRuns: 200});
});

test('a report that was cut or changed is refused, or is another whole one', () => {
  const property = fc.property(evidence, fc.nat(), fc.nat(127), (one, at, code) => {
    const text = encodeEvidence(one);
    const place = at % text.length;
    for (const wrong of [
      text.slice(0, place),
      text.slice(0, place) + String.fromCharCode(code) + text.slice(place + 1),
    ]) {
      let read: NodeEvidence;
      try {
        read = decodeEvidence(wrong);
      } catch {
        continue; // Refused.
      }
      expect(decodeEvidence(encodeEvidence(read))).toEqual(read);
    }
  });
  fc.assert(property, {numRuns: 200});
});

test('a newer format, and ids that are none, are refused', () => {
  const whole = {version: 1, cluster: 'c', node: 1, name: 'n', stores: 1};
  const lists = {replicas: [], ended: [], faults: []};
  expect(decodeEvidence(JSON.stringify({...whole, ...lists}))).toMatchObject({node: 1});
  for (const wrong of [{version: 2}, {node: 0}, {node: 1.5}, {stores: 0}, {replicas: {}}])
    expect(() => decodeEvidence(JSON.stringify({...whole, ...lists, ...wrong}))).toThrow();
});
