import {FatalError} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ByteReader} from './byte-reader.ts';
import {ByteWriter} from './byte-writer.ts';

const integer53 = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({min: -300, max: 300}),
  fc.constantFrom(2 ** 53, -(2 ** 53), 2 ** 31, 2 ** 32, 2 ** 31 - 1, 63, 64, -64, 127, 128, 0),
);

test('numbers come back as they were written, whatever the growth', () => {
  fc.assert(
    fc.property(fc.array(integer53), fc.array(fc.double()), (integers, doubles) => {
      const writer = new ByteWriter(1);
      for (const value of integers) {
        writer.signedVarint(value);
        writer.varint(Math.abs(value));
      }
      for (const value of doubles) writer.f64(value);
      writer.u32(0xfedc_ba98);
      writer.bytes(Uint8Array.of(1, 2, 3));
      const reader = new ByteReader(writer.copy());
      for (const value of integers) {
        expect(reader.signedVarint()).toBe(value === 0 ? 0 : value);
        expect(reader.varint()).toBe(Math.abs(value));
      }
      for (const value of doubles) expect(reader.f64()).toBe(value);
      expect(reader.u32()).toBe(0xfedc_ba98);
      expect([...reader.view(3)]).toEqual([1, 2, 3]);
      expect(reader.remaining).toBe(0);
    }),
  );
});

test('the end, a varint without end and a count over its limit are damage', () => {
  expect(() => new ByteReader(new Uint8Array(7)).f64()).toThrow(FatalError);
  expect(() => new ByteReader(new Uint8Array(9).fill(0xff)).varint()).toThrow(FatalError);
  expect(() => new ByteReader(new Uint8Array(9).fill(0xff)).signedVarint()).toThrow(FatalError);
  expect(() => new ByteReader(Uint8Array.of(5)).count(4)).toThrow(FatalError);
  expect(() => new ByteReader(Uint8Array.of(1, 2, 3), 0, 2).view(3)).toThrow(FatalError);
});

test('truncate takes back, clear begins again', () => {
  const writer = new ByteWriter();
  writer.u8(1);
  writer.u8(2);
  writer.truncate(1);
  expect([...writer.copy()]).toEqual([1]);
  writer.clear();
  expect(writer.position).toBe(0);
});

test('a varint over 53 bits is damage, not a rounded number', () => {
  const largest = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10);
  expect(new ByteReader(largest).varint()).toBe(2 ** 53);
  for (const bytes of [
    Uint8Array.of(0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
    new Uint8Array(12).fill(0x80),
  ])
    expect(() => new ByteReader(bytes).varint()).toThrow(FatalError);
});
