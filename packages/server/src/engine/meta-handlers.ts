// The meta group's calls, served for the life of the thread by whichever replica of it is here now.
// A replica may leave this node and another one come: what is registered once asks who is there. A
// node that has none says so in a way that makes the asker go on to another member.

import {DbError, type RpcHandlers} from '@flotilla/base';

const CALLS = [
  'meta.propose',
  'meta.may-begin',
  'meta.ensure-bucket',
  'meta.read-index',
  'meta.rebalance-view',
];
const STREAMS = ['meta.watch'];

/** @param present the handlers of the replica that is here; undefined while there is none. */
export function metaHandlers(present: () => RpcHandlers | undefined): RpcHandlers {
  return {
    call: new Map(
      CALLS.map((method) => [
        method,
        async (payload, context) => handlerOf(present()?.call, method)(payload, context),
      ]),
    ),
    stream: new Map(
      STREAMS.map((method) => [
        method,
        async function* (payload, context) {
          yield* handlerOf(present()?.stream, method)(payload, context);
        },
      ]),
    ),
  };
}

function handlerOf<Handler>(
  handlers: ReadonlyMap<string, Handler> | undefined,
  method: string,
): Handler {
  const handler = handlers?.get(method);
  if (handler === undefined)
    throw new DbError('REPLICA_GONE', 'no replica of the meta group is on this node');
  return handler;
}
