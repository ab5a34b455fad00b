import {loadSqlParser, parseStatement} from '@flotilla/query';
import {beforeAll, describe, expect, test} from 'vitest';
import type {Audit} from '../doors/audit.ts';
import type {SqlCall} from './gateway.ts';
import {guarded, isForAdministrators} from './guarded-statements.ts';

const EVERYBODY = [
  'SELECT 1',
  'INSERT INTO cpu (time, usage) VALUES (1, 0.5)',
  "DELETE FROM cpu WHERE host = 'a'",
  'EXPLAIN SELECT 1',
  'SHOW DATABASES',
  'SHOW REPLICAS',
  'SHOW OPERATIONS',
  'SHOW TAG VALUES FROM cpu WITH KEY = host',
  'DESCRIBE DATABASE public',
  'CREATE DATABASE a',
  "ALTER DATABASE a SET TTL '1d'",
  'DROP DATABASE a',
  'CREATE TABLE t (v DOUBLE)',
  'ALTER TABLE t ADD FIELD w DOUBLE',
  'DROP TABLE cpu',
  "DROP TABLE cpu AFTER '30d'",
];
const ADMINISTRATORS = [
  'CREATE TENANT a',
  "ALTER TENANT a SET COMMENT = 'b'",
  'DROP TENANT a',
  "DROP DATABASE a AFTER '0s'",
  "DROP TABLE cpu AFTER '0s'",
  "DROP TABLE cpu AFTER '1s'",
  'RECOVER TENANT a',
  'RECOVER DATABASE a',
  'RECOVER TABLE cpu',
  'REPLICA ADD REPLICA_ID 1 NODE_ID 2',
  'REPLICA REMOVE REPLICA_ID 1 NODE_ID 2',
  'REPLICA PROMOTE REPLICA_ID 1 NODE_ID 2',
  'MOVE VNODE 3 TO NODE 2',
  'COPY VNODE 3 TO NODE 2',
  'DROP VNODE 3',
  'COMPACT VNODE 3',
  'CHECKSUM GROUP 1',
  'REPLICA DESTROY REPLICA_ID 1',
];

beforeAll(loadSqlParser);

test.each(EVERYBODY)('%s is for everybody', (text) => {
  expect(isForAdministrators(parseStatement(text))).toBe(false);
});
test('a DROP that keeps less long than the trash is for administrators, however long that is', () => {
  const drop = parseStatement("DROP DATABASE a AFTER '2d'");
  const hour = 3_600_000;
  expect(isForAdministrators(drop, 48 * hour)).toBe(false);
  expect(isForAdministrators(drop, 49 * hour)).toBe(true);
});
test.each(ADMINISTRATORS)('%s is for administrators', (text) => {
  expect(isForAdministrators(parseStatement(text))).toBe(true);
});

describe('a statement for administrators', () => {
  const statement = parseStatement('DROP TENANT a');
  const told: unknown[] = [];
  const audit: Audit = {
    begin: async (intent) => {
      told.push({...intent, result: 'begun'});
      return 'act-1';
    },
    add: (entry) => void told.push(entry),
  };
  const run = (caller: SqlCall['caller'], answer = async () => 'done') => {
    told.length = 0;
    const call = {text: 'DROP TENANT a', from: '10.0.0.9', caller} as SqlCall;
    return guarded(statement, call, {audit}, answer);
  };

  test('of one is run and told, also if it fails', async () => {
    // What is about to be done stands there before it is.
    const answer = async () => `done after ${told.length} line`;
    expect(await run({type: 'administrator', name: 'ann'}, answer)).toBe('done after 1 line');
    const line = {who: 'ann', from: '10.0.0.9', what: 'drop-tenant', how: 'DROP TENANT a'};
    expect(told).toEqual([
      {...line, result: 'begun'},
      {...line, act: 'act-1', result: 'ok'},
    ]);
    const failing = run({type: 'anyone'}, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(told).toMatchObject([{result: 'begun'}, {who: 'anyone', result: 'INTERNAL'}]);
  });

  test('of a stranger is refused and told', async () => {
    const refused = run({type: 'stranger', code: 'UNAUTHENTICATED', message: 'who?'}, () =>
      Promise.reject(new Error('it ran')),
    );
    await expect(refused).rejects.toMatchObject({code: 'UNAUTHENTICATED', message: 'who?'});
    expect(told).toMatchObject([{who: 'stranger', result: 'UNAUTHENTICATED'}]);
  });
});
