// An operation as /admin/v1 shows it: its times as text.

import type {Operation} from '@flotilla/catalog';

export function describeOperation(operation: Operation): Record<string, unknown> {
  const {createdAtMs, history, waiting, ...rest} = operation;
  return {
    ...rest,
    waitingFor: waiting?.for,
    startedAt: new Date(createdAtMs).toISOString(),
    history: history.map(({step, atMs}) => ({step, at: new Date(atMs).toISOString()})),
  };
}
