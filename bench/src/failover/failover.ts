// The scenario "failover": writes go on, one each 10 ms, through a node that lives; the node that leads is
// killed, stopped or cut off; how long nothing is acknowledged. After each round the node is back and all
// are healthy before the next begins.

import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {whyNoEtcd} from '../clusters/etcd-cluster.ts';
import {type NetworkPlaces, namespacePlaces, whyNoNamespaces} from '../clusters/network-place.ts';
import {Latencies, roundMs} from '../latencies.ts';
import {median} from '../median.ts';
import {type DiskReport, type Skipped, withBenchDirectory} from '../scenario.ts';
import {type FaultySystem, startEtcd, startFlotilla} from './faulty-system.ts';
import {measureGap} from './gap.ts';

const NODES = 3;

export const FAULTS = ['kill', 'stop', 'cut'] as const;
export type Fault = (typeof FAULTS)[number];

export interface FailoverOptions {
  readonly faults: readonly Fault[];
  readonly rounds: number;
  readonly withEtcd: boolean;
  say(text: string): void;
}

export interface FailoverResult {
  readonly target: string;
  readonly fault: Fault;
  readonly rounds: number;
  readonly gapMs: {
    readonly min: number;
    readonly median: number;
    readonly p99: number;
    readonly max: number;
  };
}

export interface FailoverReport extends DiskReport {
  readonly scenario: 'failover';
  readonly results: readonly FailoverResult[];
  readonly skipped: readonly Skipped[];
}

const SYSTEMS: readonly {
  readonly target: string;
  readonly start: (directory: string, network?: NetworkPlaces) => Promise<FaultySystem>;
}[] = [
  {target: 'flotilla', start: startFlotilla},
  {target: 'etcd', start: startEtcd},
];

export function runFailover(options: FailoverOptions): Promise<FailoverReport> {
  return withBenchDirectory(async (directory) => {
    const results: FailoverResult[] = [];
    const skipped: Skipped[] = [];
    for (const {target, start} of SYSTEMS) {
      if (target === 'etcd' && !options.withEtcd) continue;
      for (const fault of options.faults) {
        const reason = whyNot(target, fault);
        if (reason !== undefined) {
          skipped.push({target, reason: `${fault}: ${reason}`});
          continue;
        }
        const place = path.join(directory, `${target}-${fault}`);
        await mkdir(place);
        const network = fault === 'cut' ? namespacePlaces(NODES) : undefined;
        const system = await start(place, network);
        try {
          results.push(await runRounds(options, {target, fault, system}));
        } finally {
          await system.stop();
        }
      }
    }
    return {scenario: 'failover', results, skipped};
  });
}

function whyNot(target: string, fault: Fault): string | undefined {
  const noEtcd = target === 'etcd' ? whyNoEtcd() : undefined;
  return noEtcd ?? (fault === 'cut' ? whyNoNamespaces() : undefined);
}

async function runRounds(
  {rounds, say}: FailoverOptions,
  {target, fault, system}: {target: string; fault: Fault; system: FaultySystem},
): Promise<FailoverResult> {
  const gaps = new Latencies();
  const all: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    await system.healthy();
    const leader = await system.leader();
    const writer = system.writer((leader + 1) % NODES);
    try {
      const gapMs = await measureGap(writer, () => begin(fault, system, leader));
      gaps.add(gapMs);
      all.push(gapMs);
      say(`${target}, ${fault}, round ${round}: ${gapMs.toFixed(0)} ms`);
    } finally {
      writer.close();
      await end(fault, system, leader);
    }
  }
  const gapMs = {
    min: roundMs(gaps.quantile(0)),
    median: roundMs(median(all)),
    p99: roundMs(gaps.quantile(0.99)),
    max: roundMs(gaps.quantile(1)),
  };
  return {target, fault, rounds, gapMs};
}

function begin(fault: Fault, system: FaultySystem, node: number): void {
  if (fault === 'kill') system.server(node).signal('SIGKILL');
  else if (fault === 'stop') system.server(node).signal('SIGSTOP');
  else system.network.setLink(node, 'down');
}

async function end(fault: Fault, system: FaultySystem, node: number): Promise<void> {
  if (fault === 'stop') system.server(node).signal('SIGCONT');
  else if (fault === 'cut') system.network.setLink(node, 'up');
  else {
    await system.server(node).kill(); // Gone already; its port is free when the kernel says so.
    system.startNode(node);
  }
}
