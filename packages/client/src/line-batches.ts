// Cuts a stream of line protocol into bodies at ends of lines. A newline inside a quoted string field
// is no end. A string begins with a quote right behind the equals sign of a field, as the server
// reads it; all other quotes are ordinary letters. Every byte of the input is in exactly one batch, in order.

const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const HASH = 0x23;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

export interface LineBatch {
  readonly bytes: Uint8Array;
  /** Physical number of its first line in the whole input, from 1. */
  readonly firstLine: number;
  /** Physical lines in it. */
  readonly lineCount: number;
}

export interface BatchLimits {
  readonly bytesMax: number;
  readonly linesMax: number;
  /**
   * Where no line ends within so many bytes, the quote that was not closed opened no string, and the line ends at
   * its first newline, as nodes have it; one without any is no line. Absent: what is pushed is held until it ends.
   */
  readonly lineBytesMax?: number | undefined;
}

/**
 * Where in a line the reader is: `key` holds the table and the tags, `gap` the blanks behind it; a
 * string begins with a quote right behind the equals sign of a field; `rest` is the time.
 */
type Place = 'indent' | 'comment' | 'key' | 'gap' | 'name' | 'equals' | 'value' | 'string' | 'rest';

export class LineBatcher {
  readonly #limits: BatchLimits;
  #pending: Uint8Array = new Uint8Array(0);
  /** Bytes of `#pending` already scanned, and of those, up to the last end of a line. */
  #scanned = 0;
  #cut = 0;
  #cutLines = 0;
  #scannedLines = 0;
  #firstLine = 1;
  #place: Place = 'indent';
  #isEscaped = false;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  /** Takes the next piece and returns the batches that are now full. */
  push(piece: Uint8Array): LineBatch[] {
    this.#pending = this.#pending.length === 0 ? piece : Buffer.concat([this.#pending, piece]);
    const full: LineBatch[] = [];
    const {lineBytesMax = Infinity} = this.#limits;
    while (this.#scanned < this.#pending.length) {
      if (!this.#scanByte(this.#pending[this.#scanned]!)) {
        if (this.#scanned - this.#cut <= lineBytesMax) continue;
        this.#endAtFirstNewline(lineBytesMax);
      }
      const isOver = this.#scanned > this.#limits.bytesMax && this.#cut > 0;
      if (isOver) full.push(this.#takeToCut());
      this.#cut = this.#scanned;
      this.#cutLines = this.#scannedLines;
      const isFull = this.#cutLines >= this.#limits.linesMax || this.#cut >= this.#limits.bytesMax;
      if (isFull) full.push(this.#takeToCut());
    }
    return full;
  }

  /** Whether what was pushed ends inside a quoted string: the next newline would belong to it. */
  get isInString(): boolean {
    return this.#place === 'string';
  }

  /** What is left at the end of the input, if anything. */
  end(): LineBatch | undefined {
    if (this.#pending.length === 0) return undefined;
    this.#cut = this.#pending.length;
    this.#cutLines = this.#scannedLines + (this.#pending.at(-1) === NEWLINE ? 0 : 1);
    return this.#takeToCut();
  }

  /** Returns whether `byte` ended a line. */
  #scanByte(byte: number): boolean {
    this.#scanned++;
    if (byte === NEWLINE) this.#scannedLines++;
    // After another backslash too, but in a string, where two are one.
    const isEscaped = this.#isEscaped;
    this.#isEscaped = byte === BACKSLASH && !(isEscaped && this.#place === 'string');
    if (byte === NEWLINE && this.#place !== 'string') {
      this.#place = 'indent';
      return true;
    }
    this.#place = isEscaped ? afterEscaped(this.#place) : placeAfter(this.#place, byte);
    return false;
  }

  #endAtFirstNewline(lineBytesMax: number): void {
    const newline = this.#pending.subarray(0, this.#scanned).indexOf(NEWLINE, this.#cut);
    if (newline < 0) {
      const line = this.#firstLine + this.#cutLines;
      const message = `line ${line} is over ${lineBytesMax} bytes, which no node takes: is it line protocol?`;
      throw new RangeError(message);
    }
    this.#scanned = newline + 1;
    this.#scannedLines = this.#cutLines + 1;
    this.#place = 'indent';
    this.#isEscaped = false;
  }

  #takeToCut(): LineBatch {
    const batch = {
      bytes: this.#pending.subarray(0, this.#cut),
      firstLine: this.#firstLine,
      lineCount: this.#cutLines,
    };
    this.#pending = this.#pending.subarray(this.#cut);
    this.#scanned -= this.#cut;
    this.#scannedLines -= this.#cutLines;
    this.#firstLine += this.#cutLines;
    this.#cut = 0;
    this.#cutLines = 0;
    return batch;
  }
}

/** The place behind an unescaped byte that ends no line. */
function placeAfter(place: Place, byte: number): Place {
  switch (place) {
    case 'indent':
      if (byte === SPACE || byte === TAB) return 'indent';
      return byte === HASH ? 'comment' : 'key';
    case 'key':
      return byte === SPACE ? 'gap' : 'key';
    case 'gap':
      return byte === SPACE ? 'gap' : placeAfter('name', byte);
    case 'name':
      if (byte === SPACE) return 'rest';
      return byte === EQUALS ? 'equals' : 'name';
    case 'equals':
      return byte === QUOTE ? 'string' : placeAfter('value', byte);
    case 'value':
      if (byte === SPACE) return 'rest';
      return byte === COMMA ? 'name' : 'value';
    case 'string':
      return byte === QUOTE ? 'value' : 'string';
    default:
      return place;
  }
}

/** The place behind an escaped byte: it separates nothing. */
function afterEscaped(place: Place): Place {
  return place === 'equals' ? 'value' : place;
}
