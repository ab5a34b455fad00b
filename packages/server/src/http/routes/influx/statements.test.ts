import fc from 'fast-check';
import {expect, test} from 'vitest';
import {parseInfluxStatements} from './statements.ts';

const create = (name: string) => [{kind: 'create-database', name}];
const drop = (name: string) => [{kind: 'drop-database', name}];
const SHOW = [{kind: 'show-databases'}];
const UNKNOWN = [{kind: 'unknown'}];

test.each([
  ['SHOW DATABASES', SHOW],
  ['  show\n\tdatabases ; ', SHOW],
  ['SHOW -- all of them\nDATABASES', SHOW],
  ['SHOW /* ; */ DATABASES', SHOW],
  ['SHOWDATABASES', UNKNOWN],
  ['SHOW "DATABASES"', UNKNOWN],
  ['CREATE DATABASE telegraf', create('telegraf')],
  ['create database "telegraf";', create('telegraf')],
  ['CREATE DATABASE "a;b -- c"', create('a;b -- c')],
  ['CREATE DATABASE "a\\"b\\\\c\\nd"', create('a"b\\c\nd')],
  ['CREATE DATABASE d WITH DURATION 30d REPLICATION 1 NAME "x;y"', create('d')],
  ['CREATE DATABASE d WITH', UNKNOWN],
  ['CREATE DATABASE WITH DURATION 30d', UNKNOWN],
  ['CREATE DATABASE "WITH"', create('WITH')],
  ['CREATE DATABASE 1d', UNKNOWN],
  ["CREATE DATABASE 'd'", UNKNOWN],
  ['CREATE DATABASE ""', UNKNOWN],
  ['CREATE DATABASE "d', UNKNOWN],
  ['CREATE DATABASE d e', UNKNOWN],
  ['DROP DATABASE d', drop('d')],
  ['DROP DATABASE IF EXISTS d', UNKNOWN],
  ['CREATE DATABASE "d\\"', UNKNOWN],
  ['CREATE DATABASE "d\\', UNKNOWN],
  ['/* without end SHOW DATABASES', UNKNOWN],
  ['/*/ SHOW DATABASES', UNKNOWN],
  ['', []],
  [';;', []],
  ['SHOW DATABASES; DROP DATABASE d', [...SHOW, ...drop('d')]],
])('%j', (text, statements) => {
  expect(parseInfluxStatements(text)).toEqual(statements);
});

test('every name survives its quotes, whatever stands around it', () => {
  fc.assert(
    fc.property(fc.string({minLength: 1, unit: 'binary'}), (name) => {
      const quoted = name.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
      const text = `SHOW DATABASES;CREATE DATABASE "${quoted}" WITH NAME x; drop database d`;
      expect(parseInfluxStatements(text)).toEqual([...SHOW, ...create(name), ...drop('d')]);
    }),
  );
});

test('any text gives statements, in time linear in it', () => {
  fc.assert(fc.property(fc.string({unit: 'binary'}), (text) => void parseInfluxStatements(text)));
  for (const piece of ['"', "'", '/*', '\\', '--', '"\\']) {
    const startMs = performance.now();
    parseInfluxStatements(piece.repeat(200_000));
    expect(performance.now() - startMs).toBeLessThan(2_000);
  }
});
