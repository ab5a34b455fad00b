// Sets that fail over by order alone: some are set to it and back, each node is told again until it keeps
// it, and an operator has one of their replicas stand where nobody leads, and sometimes where somebody does.

import type {FailoverMode} from '@flotilla/raft';
import type {DirectorPorts} from './director.ts';
import {expected} from './expected.ts';
import type {PlacedSet} from './placement.ts';

export interface ElectionPorts {
  readonly isLed: (set: PlacedSet) => boolean;
  readonly isSettling: () => boolean;
}

/** Between two sets whose mode changes. */
const CHANGE_MS = 8_000;
const TELL_MS = 1_000;
const ELECT_MS = 3_000;

export class Elections {
  readonly #ports: Pick<DirectorPorts, 'kernel' | 'nodes' | 'placement' | 'laws' | 'coverage'> &
    ElectionPorts;
  readonly #chance: DirectorPorts['chance'];

  constructor(ports: DirectorPorts, own: ElectionPorts) {
    this.#ports = {...ports, ...own};
    this.#chance = ports.elections;
  }

  start(): void {
    this.#repeat(CHANGE_MS, () => {
      if (!this.#ports.isSettling()) this.#changeOne();
    });
    this.#repeat(TELL_MS, () => this.#tell());
    this.#repeat(ELECT_MS, () => {
      if (!this.#ports.isSettling()) this.#elect(0.1);
    });
  }

  /** One step towards rest. */
  settle(): void {
    this.#elect(0);
  }

  #repeat(meanMs: number, act: () => void): void {
    const next = (): void => {
      act();
      this.#ports.kernel.after(this.#chance.wait(meanMs), next);
    };
    this.#ports.kernel.after(this.#chance.wait(meanMs), next);
  }

  #changeOne(): void {
    const {placement, coverage} = this.#ports;
    const open = placement.openSets();
    if (open.length === 0) return;
    const set = this.#chance.pick(open);
    set.failover = set.failover === 'manual' ? 'automatic' : 'manual';
    coverage.count(`failover:sets set to ${set.failover}`);
  }

  /** As the engine does: to manual only what was led here, or it would never be. */
  #tell(): void {
    const {nodes, placement} = this.#ports;
    for (const node of nodes) {
      if (node.host === undefined || node.isPaused) continue;
      for (const {set, mode, wasLed} of [...node.host.failoverModes()]) {
        const wanted = placement.sets.get(set)?.failover ?? mode;
        if (wanted !== mode && (wanted === 'automatic' || wasLed)) this.#set(node, set, wanted);
      }
    }
  }

  #set(node: DirectorPorts['nodes'][number], set: PlacedSet['id'], mode: FailoverMode): void {
    const {laws, coverage} = this.#ports;
    const {running, host} = node;
    const replica = host!.status(set)!.replica;
    laws.failover.changing(replica);
    host!.setFailover(set, mode).then(() => {
      if (node.running !== running) return;
      laws.failover.changed(replica, mode);
      coverage.count(`failover:replicas set to ${mode}`);
    }, expected);
  }

  /** @param odds for a set that has a leader. */
  #elect(odds: number): void {
    const {nodes, placement, laws, coverage, isLed} = this.#ports;
    for (const set of placement.openSets()) {
      if (set.failover !== 'manual' || (isLed(set) && !this.#chance.odds(odds))) continue;
      const able = nodes.filter(
        ({host, isPaused}) => !isPaused && host?.status(set.id)?.stopped === undefined,
      );
      const homes = able.filter(({host}) => host?.status(set.id) !== undefined);
      if (homes.length === 0) continue;
      const {host} = this.#chance.pick(homes);
      laws.failover.ordered(host!.status(set.id)!.replica);
      coverage.count(isLed(set) ? 'failover:ordered beside a leader' : 'failover:ordered');
      try {
        host!.campaign(set.id);
      } catch (error) {
        // It is stopping.
        expected(error);
      }
    }
  }
}
