import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {decodeRpcFrame, encodeRpcFrame} from '../connections/rpc-frame.ts';
import {Engine} from './engine.ts';
import type {FromEngine} from './messages.ts';

const OTHER = 2 as NodeId;

test('a call that comes before the thread is ready is refused at once, not left to its deadline', () => {
  const emitted: FromEngine[] = [];
  const engine = new Engine(
    (message) => emitted.push(message),
    () => {
      throw new Error('it never starts');
    },
  );
  const head = {callerThread: 1, callerEpoch: 7, callId: 3, set: 5 as ReplicaSetId};
  const body = {type: 'call', timeoutMs: 4_000, method: 'm', payload: new Uint8Array(0)} as const;
  const frame = encodeRpcFrame({head, body});
  engine.receive({type: 'frame', from: OTHER, channel: 'control', frame});
  expect(emitted).toMatchObject([{type: 'send', to: OTHER, channel: 'control'}]);
  const answer = decodeRpcFrame((emitted[0] as Extract<FromEngine, {type: 'send'}>).frame);
  expect(answer).toMatchObject({head, body: {type: 'error', error: {code: 'UNAVAILABLE'}}});
});
