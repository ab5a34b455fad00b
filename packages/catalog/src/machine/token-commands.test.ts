import {LIMITS} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {CreateToken} from '../commands.ts';
import {code, founded, must} from './catalog-machine.fixture.ts';
import {CatalogMachine, type MachineSnapshot} from './catalog-machine.ts';

const token = (name: string, fields: Partial<CreateToken> = {}): CreateToken => ({
  type: 'create-token',
  name,
  hash: `hash of ${name}`,
  createdBy: 'someone',
  atMs: 7,
  ...fields,
});
const revoke = (name: string) => ({type: 'revoke-token', name}) as const;
const namesIn = ({catalog}: CatalogMachine): string[] =>
  [...catalog.tokens()].map(({name}) => name);

test('tokens come by name, each once, and go but for the last', () => {
  const {machine, run} = founded();
  expect(must(run(token('a')))).toEqual({created: true});
  expect(code(run(token('a', {hash: 'other'})))).toBe('ALREADY_EXISTS');
  expect(code(run(token('b', {hash: 'hash of a'})))).toBe('ALREADY_EXISTS');
  expect(code(run(token('')))).toBe('INVALID_ARGUMENT');
  expect(run(revoke('a'))).toMatchObject({
    error: {code: 'CONFLICT', message: expect.stringMatching(/last token.*create another/)},
  });
  must(run(token('b')));
  expect(code(run(revoke('c')))).toBe('NOT_FOUND');
  must(run(revoke('a')));
  expect(namesIn(machine)).toEqual(['b']);
  const kept = JSON.parse(JSON.stringify(machine.snapshot())) as MachineSnapshot;
  expect([...new CatalogMachine(kept).catalog.tokens()]).toEqual([...machine.catalog.tokens()]);
});

test('the first one is made once, whoever asks again', () => {
  const {machine, run} = founded();
  expect(must(run(token('admin', {onlyFirst: true})))).toEqual({created: true});
  expect(must(run(token('admin', {onlyFirst: true, hash: 'x'})))).toEqual({created: false});
  expect(namesIn(machine)).toEqual(['admin']);
});

test('there are at most tokens_max', () => {
  const {run} = founded();
  const max = LIMITS.tokens_max.value;
  for (let i = 0; i < max; i++) must(run(token(`t${i}`)));
  expect(run(token('one more'))).toMatchObject({
    error: {code: 'CONFLICT', message: expect.stringMatching(/tokens_max/)},
  });
});

test('a snapshot from before there were tokens goes on', () => {
  const snapshot = founded().machine.snapshot();
  const {token: _, ...counters} = snapshot.counters;
  const machine = new CatalogMachine({...snapshot, counters} as unknown as MachineSnapshot);
  machine.apply(token('a'), machine.catalog.version + 1);
  expect([...machine.catalog.tokens()].map(({id}) => id)).toEqual([1]);
});
