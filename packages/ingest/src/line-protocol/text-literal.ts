// Quoted strings. A backslash escapes a quote and a backslash; before anything else it is itself.

import {BACKSLASH, QUOTE} from './ascii.ts';

/** What stands between the quotes, its escapes taken out; the same bytes where there are none. */
export function unescapeText(bytes: Uint8Array): Uint8Array {
  const first = bytes.indexOf(BACKSLASH);
  if (first < 0) return bytes;
  // Not `slice`: a Buffer's is a view, and the body must stay as it is.
  const out = new Uint8Array(bytes);
  let length = first;
  for (let at = first; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH && (bytes[at + 1] === QUOTE || bytes[at + 1] === BACKSLASH)) at++;
    out[length++] = bytes[at]!;
  }
  return out.subarray(0, length);
}
