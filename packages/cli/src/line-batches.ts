// Cuts a stream of line protocol into bodies at ends of lines. A newline inside a quoted string field
// is no end: quotes count after the first blank of a line that no backslash precedes, as the server
// reads them. Every byte of the input is in exactly one batch, in order.

const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const HASH = 0x23;
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
}

/** Where in a line the reader is. */
type Place = 'indent' | 'comment' | 'key' | 'fields' | 'string';

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
    while (this.#scanned < this.#pending.length) {
      if (!this.#scanByte(this.#pending[this.#scanned]!)) continue;
      const isOver = this.#scanned > this.#limits.bytesMax && this.#cut > 0;
      if (isOver) full.push(this.#takeToCut());
      this.#cut = this.#scanned;
      this.#cutLines = this.#scannedLines;
      const isFull = this.#cutLines >= this.#limits.linesMax || this.#cut >= this.#limits.bytesMax;
      if (isFull) full.push(this.#takeToCut());
    }
    return full;
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
    const place = this.#place;
    if (byte === NEWLINE && place !== 'string') {
      this.#place = 'indent';
      this.#isEscaped = false;
      return true;
    }
    if (this.#isEscaped) {
      this.#isEscaped = false;
      return false;
    }
    if (byte === BACKSLASH) {
      this.#isEscaped = true;
      if (place === 'indent') this.#place = 'key';
    } else if (place === 'indent' && byte !== SPACE && byte !== TAB) {
      this.#place = byte === HASH ? 'comment' : 'key';
    } else if (place === 'key' && byte === SPACE) this.#place = 'fields';
    else if (byte === QUOTE && place === 'fields') this.#place = 'string';
    else if (byte === QUOTE && place === 'string') this.#place = 'fields';
    return false;
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
