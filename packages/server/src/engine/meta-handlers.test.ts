import {META_SET, type NodeId, type RpcContext, type RpcHandlers} from '@flotilla/base';
import {MetaService} from '@flotilla/meta';
import {expect, test} from 'vitest';
import {metaHandlers} from './meta-handlers.ts';

const CONTEXT: RpcContext = {
  from: 1 as NodeId,
  set: META_SET,
  signal: new AbortController().signal,
};
const NOTHING = new Uint8Array(0);

function replica(name: number): RpcHandlers {
  const answer = Uint8Array.of(name);
  return {
    call: new Map([['meta.propose', async () => answer]]),
    stream: new Map([
      [
        'meta.watch',
        async function* () {
          yield answer;
        },
      ],
    ]),
  };
}

test('each call of a replica is served', () => {
  const machine = {catalog: {version: 0}, onUpdate: () => () => undefined};
  const options = {group: {}, machine, clock: {}} as never;
  const {call, stream} = new MetaService(options).handlers();
  const served = metaHandlers(() => undefined);
  expect([...served.call.keys()].sort()).toEqual([...call.keys()].sort());
  expect([...served.stream.keys()].sort()).toEqual([...stream.keys()].sort());
});

test('calls go to the replica that is here now; without one the asker goes elsewhere', async () => {
  let present: RpcHandlers | undefined;
  const served = metaHandlers(() => present);
  const propose = () => served.call.get('meta.propose')!(NOTHING, CONTEXT);
  const watch = async () => {
    const items: number[] = [];
    for await (const item of served.stream.get('meta.watch')!(NOTHING, CONTEXT))
      items.push(item[0]!);
    return items;
  };
  await expect(propose()).rejects.toMatchObject({code: 'REPLICA_GONE'});
  await expect(watch()).rejects.toMatchObject({code: 'REPLICA_GONE'});
  for (const name of [1, 2]) {
    present = replica(name);
    expect(await propose()).toEqual(Uint8Array.of(name));
    expect(await watch()).toEqual([name]);
  }
});
