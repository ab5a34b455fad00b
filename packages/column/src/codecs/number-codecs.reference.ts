// Columns read value by value and bit by bit, as packages/storage/FORMAT.md draws them. Slow and obvious: it shares
// nothing with the codecs.

import type {FieldType} from '../column-values.ts';
import type {Plain} from './column-codec.reference.ts';

/** The bits of `count` doubles. Throws on encodings beyond `newest`. */
export function readNumbersReference(bytes: Uint8Array, count: number, newest: number): bigint[] {
  const reader = new Reader(bytes, newest);
  const bits = reader.doubles(count);
  if (reader.position !== bytes.length) throw new Error(`${bytes.length - reader.position} left`);
  return bits;
}

/** `count` values as `toPlain` tells them. Throws on encodings beyond `newest`. */
export function readColumnReference(
  bytes: Uint8Array,
  {
    type,
    count,
    newest,
  }: {readonly type: FieldType; readonly count: number; readonly newest: number},
): Plain[] {
  const reader = new Reader(bytes, newest);
  const plain = reader.column(type, count);
  if (reader.position !== bytes.length) throw new Error(`${bytes.length - reader.position} left`);
  return plain;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #newest: number;
  position = 0;

  constructor(bytes: Uint8Array, newest: number) {
    this.#bytes = bytes;
    this.#newest = newest;
  }

  column(type: FieldType, count: number): Plain[] {
    switch (type) {
      case 'float':
        return this.doubles(count);
      case 'boolean':
        return this.#flags(count);
      case 'string':
        return this.#texts(count);
      default: {
        const bits = type === 'integer' ? BigInt.asIntN : BigInt.asUintN;
        return this.#exact(count).map((word) => bits(64, word));
      }
    }
  }

  /** Modulo 2^64. */
  #exact(count: number): bigint[] {
    switch (this.#bytes[this.position]) {
      case 10:
        this.#u8();
        return Array.from({length: count}, () => this.#word());
      case 11: {
        this.#u8();
        const first = this.#word();
        return this.#numbers(count).map((difference) => first + BigInt(difference));
      }
      default:
        return this.#numbers(count).map(BigInt);
    }
  }

  /** In hex. */
  #texts(count: number): string[] {
    if (this.#u8() === 8) {
      const lengths = this.#numbers(count);
      return lengths.map((length) =>
        Buffer.from(Array.from({length}, () => this.#u8())).toString('hex'),
      );
    }
    const dictionary = this.#texts(Number(this.#unsigned()));
    return this.#numbers(count).map((code) => dictionary[code]!);
  }

  #numbers(count: number): number[] {
    return this.doubles(count).map((bits) => new Float64Array(BigUint64Array.of(bits).buffer)[0]!);
  }

  doubles(count: number): bigint[] {
    const encoding = this.#bytes[this.position]!;
    switch (encoding) {
      case 1:
        this.#u8();
        return new Array<bigint>(count).fill(this.#word());
      case 4:
      case 15:
        return this.#decimals(count);
      case 5:
        this.#u8();
        return Array.from({length: count}, () => this.#word());
      case 16:
        return this.#split(count);
      case 17:
        return this.#repeats(count);
      default:
        return this.#integers(count).map((integer) => bitsOf(Number(integer)));
    }
  }

  #integers(count: number): bigint[] {
    const encoding = this.#u8();
    if (encoding > this.#newest) throw new Error(`encoding ${encoding} is too new`);
    switch (encoding) {
      case 0:
        return new Array<bigint>(count).fill(this.#signed());
      case 2:
        return this.#packed(count, this.#signed());
      case 3: {
        const first = this.#signed();
        return sums(first, this.#packed(count - 1, this.#signed()));
      }
      case 12:
        return this.#patched(count);
      case 13:
        return sums(this.#signed(), this.#patched(count - 1));
      case 14: {
        const first = this.#signed();
        return sums(first, sums(this.#signed(), this.#patched(count - 2)));
      }
      default:
        throw new Error(`encoding ${encoding}`);
    }
  }

  #decimals(count: number): bigint[] {
    const isPatched = this.#u8() === 15;
    if (isPatched && this.#newest < 15) throw new Error('patched decimals are too new');
    const power = Number(`1e${this.#u8()}`);
    const bits = this.#integers(count).map((integer) => bitsOf(Number(integer) / power));
    if (isPatched) this.#patch(bits, () => this.#word());
    return bits;
  }

  #split(count: number): bigint[] {
    if (this.#u8() > this.#newest) throw new Error('split doubles are too new');
    const top = BigInt(this.#u8());
    const low = BigInt(this.#u8());
    const signs = this.#flags(count);
    const tops = this.#integers(count);
    const highs = this.#packed(count, 0n);
    const lows = this.#packed(count, 0n);
    const highAt = low > 32n ? low : 32n;
    return tops.map(
      (bits, i) =>
        (BigInt(signs[i]!) << 63n) | (bits << top) | (highs[i]! << highAt) | (lows[i]! << low),
    );
  }

  #repeats(count: number): bigint[] {
    if (this.#u8() > this.#newest) throw new Error('repeats are too new');
    const changes = [1, ...this.#flags(count - 1)];
    const runs = this.doubles(changes.filter((flag) => flag === 1).length);
    let run = -1;
    return changes.map((flag) => {
      run += flag;
      return runs[run]!;
    });
  }

  #packed(count: number, base: bigint): bigint[] {
    const width = this.#u8();
    const low = this.#stream(count, Math.min(width, 32));
    const high = this.#stream(count, Math.max(0, width - 32));
    return low.map((bits, i) => base + bits + (high[i]! << 32n));
  }

  #stream(count: number, width: number): bigint[] {
    let all = 0n;
    const length = Math.ceil((count * width) / 8);
    for (let i = 0; i < length; i++) all |= BigInt(this.#u8()) << BigInt(i * 8);
    return Array.from({length: count}, (_, i) => BigInt.asUintN(width, all >> BigInt(i * width)));
  }

  #patched(count: number): bigint[] {
    const values = this.#packed(count, this.#signed());
    this.#patch(values, () => this.#signed());
    return values;
  }

  #patch(values: bigint[], read: () => bigint): void {
    let next = 0;
    for (let left = this.#unsigned(); left > 0n; left--) {
      next += Number(this.#unsigned());
      values[next++] = read();
    }
  }

  #flags(count: number): number[] {
    if (this.#u8() === 7) return new Array<number>(count).fill(this.#u8());
    return this.#stream(count, 1).map(Number);
  }

  #word(): bigint {
    return this.#stream(1, 32)[0]! | (this.#stream(1, 32)[0]! << 32n);
  }

  #unsigned(): bigint {
    const byte = this.#u8();
    return BigInt(byte & 0x7f) | (byte < 0x80 ? 0n : this.#unsigned() << 7n);
  }

  #signed(): bigint {
    const first = this.#u8();
    const size = BigInt(first & 0x3f) | (first < 0x80 ? 0n : this.#unsigned() << 6n);
    return (first & 0x40) === 0 ? size : -size;
  }

  #u8(): number {
    if (this.position >= this.#bytes.length) throw new Error('too short');
    return this.#bytes[this.position++]!;
  }
}

function sums(first: bigint, differences: readonly bigint[]): bigint[] {
  let sum = first;
  return [first, ...differences.map((difference) => (sum += difference))];
}

function bitsOf(value: number): bigint {
  return new BigUint64Array(Float64Array.of(value).buffer)[0]!;
}
