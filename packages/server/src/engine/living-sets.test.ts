import type {ReplicaSetId, RpcContext} from '@flotilla/base';
import type {ReplicaSet} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {ofLivingSets} from './living-sets.ts';

const context = {set: 7} as RpcContext;
const given = Uint8Array.of(1);

test.each([
  ['open', 'taken'],
  ['creating', 'taken'],
  // This copy is behind that of whoever asks.
  [undefined, 'taken'],
  ['dropping', 'STALE_EPOCH'],
] as const)('what is sent to a set that is %s here: %s', async (state, expected) => {
  const asked: ReplicaSetId[] = [];
  const replicaSet = (id: ReplicaSetId) => {
    asked.push(id);
    return state && ({state} as ReplicaSet);
  };
  const handler = ofLivingSets({replicaSet}, async (payload) => payload);
  const answer = handler(given, context).then(
    (bytes) => (bytes === given ? 'taken' : 'changed'),
    ({code}: {code: string}) => code,
  );
  expect(await answer).toBe(expected);
  expect(asked).toEqual([7]);
});
