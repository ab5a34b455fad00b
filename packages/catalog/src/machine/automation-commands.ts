// What people say about what the cluster does by itself: pauses, each of them with an end or until it is
// resumed, and nodes in maintenance. The planner asks for them by `planning/pauses.ts`.

import type {SetAutomation, SetMaintenance} from '../commands.ts';
import type {AutomationPause} from '../model.ts';
import {type Handler, NOTHING, refuse, succeed} from './draft.ts';

export const setAutomation: Handler<SetAutomation> = (draft, command) => {
  const cluster = draft.catalog.cluster;
  if (cluster === undefined) return refuse('CONFLICT', 'no cluster is founded yet');
  const {kinds, paused, untilMs, atMs} = command;
  if (untilMs !== undefined && untilMs <= atMs) {
    return refuse('INVALID_ARGUMENT', 'a pause ends after it has begun');
  }
  const kept = (cluster.pauses ?? []).filter(({kind}) => !kinds.includes(kind));
  const made = paused
    ? [...new Set(kinds)].map((kind): AutomationPause => ({kind, sinceMs: atMs, untilMs}))
    : [];
  const pauses = [...kept, ...made];
  draft.put('cluster', 0, {...cluster, pauses: pauses.length === 0 ? undefined : pauses});
  return succeed(NOTHING);
};

export const setMaintenance: Handler<SetMaintenance> = (draft, {node: id, maintenance}) => {
  const node = draft.catalog.node(id);
  if (node === undefined) return refuse('NOT_FOUND', `no node ${id}`);
  if (node.state === 'decommissioned') {
    return refuse('CONFLICT', `node ${id} is decommissioned, and that is for ever`);
  }
  draft.put('node', id, {...node, maintenance});
  return succeed(NOTHING);
};
