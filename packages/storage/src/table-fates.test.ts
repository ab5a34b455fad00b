import type {TableId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TableFates} from './table-fates.ts';

const TABLE = 7 as TableId;

test('a purged table stays dead, whatever comes late', () => {
  const fates = new TableFates([], []);
  fates.drop(TABLE);
  fates.purge(TABLE);
  fates.drop(TABLE);
  expect(fates.recover(TABLE)).toBe(false);
  expect([fates.of(TABLE), fates.dropped(), fates.purged()]).toEqual(['purged', [], [TABLE]]);
});

test('a dropped table lives again once it is recovered', () => {
  const fates = new TableFates([TABLE], []);
  expect(fates.isDead(TABLE)).toBe(true);
  expect(fates.recover(TABLE)).toBe(true);
  expect([fates.isDead(TABLE), fates.of(TABLE)]).toEqual([false, 'live']);
});
