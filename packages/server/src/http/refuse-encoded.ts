// Bodies that are never inflated: they are short, and what is compressed nevertheless would be read as
// something strange, or be far more than it seems.

import {DbError} from '@flotilla/base';

/** @param what is sent, as a person calls it. */
export function refuseEncoded(encoding: string | undefined, what: string): void {
  if (encoding === undefined || encoding.trim().toLowerCase() === 'identity') return;
  throw new DbError(
    'UNSUPPORTED_ENCODING',
    `Content-Encoding ${encoding}: ${what} is sent as it is, without one`,
  );
}
