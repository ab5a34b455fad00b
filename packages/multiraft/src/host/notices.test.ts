import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {type FrameItem, readItems} from '@flotilla/wire';
import {beforeEach, expect, test} from 'vitest';
import type {HostedGroup} from './hosted-group.ts';
import {decodeLeaderTerm, Notices} from './notices.ts';
import {Outbox} from './outbox.ts';
import {TIMINGS} from './timing.ts';

const SET = 7 as ReplicaSetId;
const [NODE, OTHER] = [2 as NodeId, 3 as NodeId];
const {noticeMs, digestMs} = TIMINGS.local;

let sent: {to: NodeId; item: FrameItem}[];
let outbox: Outbox;
let notices: Notices;

beforeEach(() => {
  sent = [];
  const send = (to: NodeId, _channel: string, frame: Uint8Array): boolean => {
    for (const item of readItems(frame)) sent.push({to, item});
    return true;
  };
  outbox = new Outbox({send}, 0, 1_024, () => undefined);
  notices = new Notices(outbox, TIMINGS.local, () => [NODE, OTHER]);
});

/** What leaves at that time. */
function at(nowMs: number, groups: readonly HostedGroup[] = []): string[] {
  sent = [];
  notices.tick(nowMs, groups);
  outbox.flush();
  return sent.map(({to, item}) => {
    const {leader, term} = decodeLeaderTerm(item)!;
    return `${item.kind} ${item.set} to ${to}: ${leader} at ${term}`;
  });
}

function follower(over: Partial<HostedGroup> = {}): HostedGroup {
  const role = {role: 'follower', leader: 11, term: 6} as const;
  const nodes = new Map([[11, NODE]]);
  return {
    set: SET,
    role,
    nodes,
    isAsleep: true,
    isLeader: false,
    isGone: false,
    ...over,
  } as HostedGroup;
}

test('a notice is repeated to each node until that one has acknowledged that term', () => {
  const to = (node: NodeId) => `notLeading 7 to ${node}: 11 at 6`;
  notices.notLeading(SET, {leader: 11, term: 6}, [NODE, OTHER]);
  expect(at(0)).toEqual([to(NODE), to(OTHER)]);
  expect(at(noticeMs - 1)).toEqual([]);
  expect(at(noticeMs)).toEqual([to(NODE), to(OTHER)]);
  notices.acknowledged(NODE, SET, {leader: 11, term: 5});
  notices.acknowledged(OTHER, SET, {leader: 11, term: 6});
  expect(at(2 * noticeMs)).toEqual([to(NODE)]);
  notices.forget(NODE);
  expect(at(3 * noticeMs)).toEqual([]);
});

test('a sleeping follower asks its leader now and then whether it still leads', () => {
  const asked = [`follows 7 to ${NODE}: 11 at 6`];
  expect(at(1, [follower()])).toEqual(asked);
  expect(at(digestMs, [follower()])).toEqual([]);
  expect(at(digestMs + 1, [follower()])).toEqual(asked);
  const silent = [
    follower({isAsleep: false}),
    follower({isLeader: true}),
    follower({isGone: true}),
  ];
  expect(at(2 * digestMs + 1, silent)).toEqual([]);
});

test('a sleeping replica that knows of no leader asks all members, often', () => {
  const leaderless = follower({role: {role: 'follower', leader: 0, term: 6}});
  const asked = [NODE, OTHER].map((node) => `follows 7 to ${node}: 0 at 6`);
  expect(at(1, [leaderless])).toEqual(asked);
  expect(at(noticeMs, [leaderless])).toEqual([]);
  expect(at(noticeMs + 1, [leaderless])).toEqual(asked);
  expect(at(2 * noticeMs + 1, [{...leaderless, isAsleep: false} as HostedGroup])).toEqual([]);
});
