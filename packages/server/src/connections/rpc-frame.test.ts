import {DbError, type ReplicaSetId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {
  decodeRpcFrame,
  encodeRpcFrame,
  isRpcFrame,
  type RpcBody,
  type RpcFrame,
  refuseRpcFrame,
  rpcTarget,
} from './rpc-frame.ts';

const u32 = fc.integer({min: 0, max: 0xffff_ffff});
const bytes = fc.uint8Array({maxLength: 50}).map((array) => Buffer.from(array));
const text = fc.string({maxLength: 40, unit: 'grapheme'});

const head = fc.record({
  callerThread: fc.integer({min: 0, max: 0xffff}),
  callerEpoch: u32,
  callId: u32,
  set: fc.integer({min: 0, max: 2 ** 48 - 1}).map((set) => set as ReplicaSetId),
});

const body: fc.Arbitrary<RpcBody> = fc.oneof(
  fc.record({
    type: fc.constantFrom<'call' | 'open'>('call', 'open'),
    timeoutMs: u32,
    method: text,
    payload: bytes,
  }),
  fc.record({type: fc.constant<'answer'>('answer'), payload: bytes}),
  fc.record({
    type: fc.constant<'error'>('error'),
    error: fc.record({code: text, message: text, details: fc.record({leader: fc.nat()})}),
  }),
  fc.record({type: fc.constant<'item'>('item'), sequence: u32, more: fc.boolean(), bytes}),
  fc.record({type: fc.constant<'end'>('end'), count: u32}),
  fc.record({type: fc.constant<'credit'>('credit'), takenBytes: fc.maxSafeNat()}),
  fc.record({type: fc.constant<'cancel'>('cancel')}),
);

const frame: fc.Arbitrary<RpcFrame> = fc.record({head, body});

test('every frame comes back as it was', () => {
  fc.assert(
    fc.property(frame, (sent) => {
      const encoded = encodeRpcFrame(sent);
      expect(isRpcFrame(encoded)).toBe(true);
      expect(decodeRpcFrame(encoded)).toEqual(sent);
    }),
  );
});

test('a frame goes to its set or back to its caller', () => {
  fc.assert(
    fc.property(frame, (sent) => {
      const request = ['call', 'open', 'credit', 'cancel'].includes(sent.body.type);
      expect(rpcTarget(encodeRpcFrame(sent))).toEqual(
        request
          ? {kind: 'request', set: sent.head.set}
          : {kind: 'answer', callerThread: sent.head.callerThread},
      );
    }),
  );
});

test('a request that cannot go on is answered with the error; nothing else is', () => {
  fc.assert(
    fc.property(frame, (sent) => {
      const refusal = refuseRpcFrame(encodeRpcFrame(sent), new DbError('UNAVAILABLE', 'full'));
      if (sent.body.type !== 'call' && sent.body.type !== 'open') {
        expect(refusal).toBeUndefined();
        return;
      }
      const error = {code: 'UNAVAILABLE', message: 'full', details: {}};
      expect(decodeRpcFrame(refusal!)).toEqual({head: sent.head, body: {type: 'error', error}});
    }),
  );
});

test('any bytes, and any cut or flipped frame, decode to something or to undefined', () => {
  const garbage = fc.uint8Array({maxLength: 60}).map((array) => {
    array[0] = 0x20;
    return array;
  });
  const damaged = fc.tuple(frame, fc.nat(60), fc.nat(60)).map(([sent, cut, at]) => {
    const encoded = encodeRpcFrame(sent);
    if (at < encoded.length) encoded[at]! ^= 0x55;
    return encoded.subarray(0, encoded.length - Math.min(cut, encoded.length));
  });
  fc.assert(
    fc.property(fc.oneof(garbage, damaged), (input) => {
      decodeRpcFrame(input);
      rpcTarget(input);
      refuseRpcFrame(input, new Error('x'));
    }),
  );
});
