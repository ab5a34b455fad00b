// Goal: a node counts as silent since the last moment in which the planner, or half of the nodes that
// answer the planner, heard it. Method: a cluster of links that fail in any order, against that sentence.

import type {Clock, NodeId, Rpc} from '@flotilla/base';
import {VirtualClock} from '@flotilla/testkit';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {FakeNetwork} from './fakes.fixture.ts';
import {nodeHandlers} from './node-handlers.ts';
import {NodeReports} from './node-reports.ts';
import type {ReplicaHost} from './ports.ts';
import {ReportBook} from './report-book.ts';

const PLANNER = 1 as NodeId;
const NODES = [1, 2, 3, 4, 5] as NodeId[];
const ROUND_MS = 1_000;
/** Without an answer for so long a node is not live. */
const LIVE_MS = 3_000;

class Links {
  readonly #cut = new Set<string>();

  toggle(a: NodeId, b: NodeId): void {
    const link = String([a, b].sort());
    if (!this.#cut.delete(link)) this.#cut.add(link);
  }

  join(a: NodeId, b: NodeId): boolean {
    return a === b || !this.#cut.has(String([a, b].sort()));
  }

  heardBy(node: NodeId): NodeId[] {
    return NODES.filter((other) => other !== node && this.join(node, other));
  }
}

type Heard = (node: NodeId) => readonly NodeId[] | undefined;

function hostOf(node: NodeId, heard: Heard): ReplicaHost {
  const diskSpace = async () => ({freeBytes: 1, totalBytes: 1});
  const book = new ReportBook();
  const nothing = {reports: async () => book, diskSpace, heard: () => heard(node)};
  return nothing as unknown as ReplicaHost;
}

/** The planner's calls, lost where its own link is cut. */
function overLinks(links: Links, rpc: Rpc): Rpc {
  return {
    ...rpc,
    call: (target, method, payload, options) =>
      links.join(PLANNER, target.node)
        ? rpc.call(target, method, payload, options)
        : rpc.call({...target, node: 99 as NodeId}, method, payload, options),
  };
}

function started(heard?: Heard) {
  const clock = new VirtualClock();
  const network = new FakeNetwork(clock);
  const links = new Links();
  const hears = heard ?? ((node: NodeId) => links.heardBy(node));
  for (const node of NODES) network.add(node, nodeHandlers(hostOf(node, hears), clock));
  const rpc = overLinks(links, network.rpc(PLANNER));
  const reports = new NodeReports({rpc, clock, session: 'a'});
  const round = async () => {
    await clock.resolve(Promise.all(NODES.map((node) => reports.ask(node))));
    reports.weighHearsay();
    reports.settle();
  };
  return {clock, links, reports, round};
}

const pair = fc.tuple(fc.constantFrom(...NODES), fc.constantFrom(...NODES));

test('silence begins when fewer than half of those who answer hear a node', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(pair, {maxLength: 3}), {maxLength: 30}), async (steps) => {
      const {clock, links, reports, round} = started();
      const answeredMs = new Map<NodeId, number>();
      const lastWord = new Map<NodeId, readonly NodeId[]>();
      const heardMs = new Map<NodeId, number>();
      await round();
      for (const node of NODES) {
        answeredMs.set(node, clock.monotonicMs());
        lastWord.set(node, links.heardBy(node));
        heardMs.set(node, clock.monotonicMs());
      }
      for (const cuts of steps) {
        for (const [a, b] of cuts) if (a !== b) links.toggle(a, b);
        await clock.advance(ROUND_MS);
        await round();
        const answering = NODES.filter((node) => links.join(PLANNER, node));
        for (const node of answering) {
          answeredMs.set(node, clock.monotonicMs());
          lastWord.set(node, links.heardBy(node));
        }
        const live = NODES.filter((node) => clock.monotonicMs() - answeredMs.get(node)! < LIVE_MS);
        for (const node of NODES) {
          const hearing = live.filter((other) => lastWord.get(other)!.includes(node)).length;
          if (answering.includes(node) || hearing >= live.length / 2)
            heardMs.set(node, clock.monotonicMs());
        }
        for (const {node, live, silentSinceMs} of reports.view(clock.wallMs()).values()) {
          expect(live || !answering.includes(node)).toBe(true);
          if (!live)
            expect(silentSinceMs).toBe(clock.wallMs() - (clock.monotonicMs() - heardMs.get(node)!));
        }
      }
    }),
    {numRuns: 50},
  );
});

test('a node of an older build, which does not say whom it hears, speaks for nobody', async () => {
  const {clock, links, reports, round} = started(() => undefined);
  await round();
  const heardAtMs = clock.wallMs();
  links.toggle(PLANNER, 3 as NodeId);
  await clock.advance(LIVE_MS);
  await round();
  expect(reports.view(clock.wallMs()).get(3 as NodeId)).toMatchObject({
    live: false,
    silentSinceMs: heardAtMs,
  });
});

test('one of three who wrongly hears a dead node does not speak for it, one of two does', async () => {
  const deluded = 2 as NodeId;
  const dead = 3 as NodeId;
  const {clock, links, reports, round} = started((node) =>
    NODES.filter((other) => other !== node && (node === deluded || other !== dead)),
  );
  links.toggle(PLANNER, 5 as NodeId);
  await round();
  links.toggle(PLANNER, dead);
  const silent = () =>
    clock.wallMs() - (reports.view(clock.wallMs()).get(dead)!.silentSinceMs ?? Infinity);
  for (let i = 0; i < 20; i++) {
    await clock.advance(ROUND_MS);
    await round();
  }
  expect(silent()).toBeGreaterThanOrEqual(20 * ROUND_MS);
  links.toggle(PLANNER, 4 as NodeId);
  for (let i = 0; i < 5; i++) {
    await clock.advance(ROUND_MS);
    await round();
  }
  expect(silent()).toBe(0);
});

test('a clock that jumps after the last reports is seen to be off from them at once', async () => {
  const clock = new VirtualClock();
  const network = new FakeNetwork(clock);
  for (const node of NODES)
    network.add(
      node,
      nodeHandlers(
        hostOf(node, () => []),
        clock,
      ),
    );
  let skewMs = 0;
  const own: Clock = {
    wallMs: () => clock.wallMs() + skewMs,
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs, run) => clock.setTimer(delayMs, run),
    defer: (run) => clock.defer(run),
  };
  const reports = new NodeReports({rpc: network.rpc(PLANNER), clock: own, session: 'a'});
  await clock.resolve(Promise.all(NODES.map((node) => reports.ask(node))));
  reports.settle();
  const offsets = () =>
    [...reports.view(own.wallMs()).values()].map((report) => report.clockOffsetMs);
  const near = offsets();
  skewMs = 60_000;
  expect(offsets()).toEqual(near.map((offsetMs) => offsetMs - 60_000));
});
