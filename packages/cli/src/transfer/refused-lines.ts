// Lines that were refused: all counted, the first kept and shown.

/** Of all, for --json. */
const KEPT_MAX = 100;
/** For people; the count says how many more there are. */
const SHOWN_MAX = 20;
/** Characters of a line that is shown. */
const TEXT_SHOWN_MAX = 120;

export interface RefusedLine {
  /** Where there are several files. */
  readonly file?: string | undefined;
  /** Physical, from 1, of the file or of all that was read. */
  readonly line: number;
  readonly code: string;
  readonly reason: string;
  readonly text: string;
}

export class RefusedLines {
  count = 0;
  readonly first: RefusedLine[] = [];

  /** @param count all of them, those that nobody named included */
  add(lines: readonly RefusedLine[], count = lines.length): void {
    this.count += count;
    this.first.push(...lines.slice(0, KEPT_MAX - this.first.length));
  }

  render(): string {
    const shown = this.first.slice(0, SHOWN_MAX);
    const bad = shown
      .map(({file, line, reason, text}) => {
        const where = file === undefined ? `line ${line}` : `${file}:${line}`;
        return `${where}: ${reason}: ${printable(text)}\n`;
      })
      .join('');
    return this.count > shown.length ? `${bad}and ${this.count - shown.length} more\n` : bad;
  }
}

/** Enough of a line to know it by, and nothing that a terminal would obey. */
export function printable(text: string): string {
  const shown = text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)} ...` : text;
  return shown.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}');
}
