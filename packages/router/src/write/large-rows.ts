// Rows that are over the limit of a log entry by themselves. No line can be; rows of columns and of statements,
// whose limits are each for a part of the row, may. In the log such a row would reach no other replica.

import {LIMITS} from '@flotilla/base';
import type {Refusal} from './refusal.ts';
import type {Rejections} from './rejected-rows.ts';
import type {SetShare} from './share-builder.ts';

const REFUSAL: Refusal = {
  code: 'LINE_TOO_LONG',
  reason: `the row is over ${LIMITS.share_bytes_max.value} bytes`,
};

/** @param shares  of one row each */
export function refuseLargeRows(shares: readonly SetShare[], rejections: Rejections): void {
  for (const {parsed, rows} of shares.flatMap(({sources}) => sources))
    for (const row of rows) rejections.add(parsed, row, undefined, REFUSAL);
}
