// The text of a physical line of a body, for the list of refused lines.

const NEWLINE = 0x0a;
/** Enough for the 200 characters that are shown, whatever their width in UTF-8. */
const BYTES_MAX = 1024;

/** @returns a function of line numbers, from 1. Lines asked in ascending order are found in one pass. */
export function lineTextOf(body: Uint8Array): (line: number) => string {
  let line = 1;
  let start = 0;
  return (wanted) => {
    if (wanted < line) {
      line = 1;
      start = 0;
    }
    while (line < wanted) {
      const newline = body.indexOf(NEWLINE, start);
      if (newline < 0) return '';
      start = newline + 1;
      line += 1;
    }
    const newline = body.indexOf(NEWLINE, start);
    const end = Math.min(newline < 0 ? body.length : newline, start + BYTES_MAX);
    return new TextDecoder().decode(body.subarray(start, end)).replace(/\r$/, '');
  };
}
