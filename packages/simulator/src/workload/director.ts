// Moves replicas about, as an operator without patience would: learners come, are promoted alone or in
// joint changes, voters are demoted, removed, replaced; leaders are moved; sets are made and dropped.
// It stands outside the network and gives each order to the node concerned, again until it is done.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Host, ReplicaStatus} from '@flotilla/multiraft';
import {
  type ConfigChange,
  type ConfigChangeMode,
  isJoint,
  isVoter,
  membersOf,
} from '@flotilla/raft';
import type {Coverage} from '../checks/coverage.ts';
import type {Laws} from '../checks/laws.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';
import {Elections} from './elections.ts';
import {expected} from './expected.ts';
import type {PlacedReplica, PlacedSet, Placement} from './placement.ts';

export interface DirectorPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  /** Of manual failover: a stream of its own. */
  readonly elections: Chance;
  readonly nodes: readonly SimNode[];
  readonly placement: Placement;
  readonly laws: Laws;
  readonly coverage: Coverage;
  readonly sets: number;
  /** Sets are founded with so many voters at least, and keep them. */
  readonly votersMin: number;
  readonly registers: number;
  /** Average pause between two changes of members, of all sets together. */
  readonly changeMs: number;
  /** Average life of a bucket; sets are dropped and founded at this pace. */
  readonly bucketMs: number;
}

type CreateOrder = Parameters<Host['createReplica']>[0];

const VOTERS_MAX = 5;
const ORDER_MS = 200;
const DEADLINE_MS = 3_000;
const STRAY_MS = 20_000;
/** Between two orders that come again long after they were carried out. */
const LATE_ORDER_MS = 4_000;

export class Director {
  readonly #ports: DirectorPorts;
  /** No more changes of its own will; what is under way is brought to its end. */
  isSettling = false;
  /** No changes of its own will before: a node lost what it held, and nobody knows yet. */
  heldUntilMs = 0;
  readonly #underWay = new Set<ReplicaId>();
  /** Orders of replicas that are destroyed, and where. */
  readonly #past: {readonly node: SimNode; readonly order: CreateOrder}[] = [];
  readonly #elections: Elections;
  /** Changes of members that were asked for and not answered. */
  #proposing = 0;

  constructor(ports: DirectorPorts) {
    this.#ports = ports;
    this.#elections = new Elections(ports, {
      isLed: (set) => this.leaderOf(set) !== undefined,
      isSettling: () => this.isSettling,
    });
  }

  start(): void {
    const {sets} = this.#ports;
    for (let i = 0; i < sets; i++) this.#found();
    this.#repeat(ORDER_MS, () => this.#giveOrders(), true);
    this.#repeat(this.#ports.changeMs, () => this.#change());
    this.#repeat(this.#ports.bucketMs, () => this.#turnBucket());
    this.#repeat(LATE_ORDER_MS, () => this.#repeatPastOrder());
    this.#elections.start();
  }

  /** The replica that leads the set with the highest term, if its node answers. */
  leaderOf(set: PlacedSet): {node: SimNode; status: ReplicaStatus} | undefined {
    let best: {node: SimNode; status: ReplicaStatus} | undefined;
    for (const node of this.#ports.nodes) {
      const status = node.host?.status(set.id);
      if (status === undefined || status.role !== 'leader' || status.stopped !== undefined)
        continue;
      if (best === undefined || status.term > best.status.term) best = {node, status};
    }
    return best;
  }

  #repeat(meanMs: number, act: () => void, always = false): void {
    const {kernel, chance} = this.#ports;
    const next = (): void => {
      if (always || !this.isSettling) act();
      kernel.after(always ? meanMs : chance.wait(meanMs), next);
    };
    kernel.after(always ? 0 : chance.wait(meanMs), next);
  }

  #found(): void {
    const {chance, nodes, placement, coverage, registers, votersMin} = this.#ports;
    const drawn = Math.max(votersMin, chance.pick([1, 3, 3, 3, 3, 5]));
    const size = Math.min(nodes.length, drawn);
    const on = shuffled(nodes, chance).slice(0, size);
    placement.found(
      on.map(({id}) => id),
      registers,
    );
    coverage.count('sets:founded');
  }

  /** One bucket ends, another begins. */
  #turnBucket(): void {
    const {chance, placement, coverage} = this.#ports;
    const open = placement.openSets();
    if (open.length < 2) return;
    const set = chance.pick(open);
    set.state = 'dropping';
    for (const replica of set.replicas.values()) replica.isCondemned = true;
    coverage.count('sets:dropped');
    this.#found();
  }

  /** Nothing about members is proposed or ordered, as far as it knows. */
  get isCalm(): boolean {
    return this.#underWay.size === 0 && this.#proposing === 0;
  }

  #giveOrders(): void {
    const {placement} = this.#ports;
    for (const node of this.#ports.nodes)
      for (const [id, {replica}] of node.host?.broken() ?? [])
        this.#replaceBroken(node, id, replica);
    for (const node of this.#ports.nodes) if (node.host?.hasLoss === true) this.#settleLoss(node);
    for (const set of placement.sets.values()) {
      for (const replica of set.replicas.values()) {
        if (this.#underWay.has(replica.id)) continue;
        if (replica.isCondemned) this.#destroy(set, replica);
        else if (!replica.isCreated) this.#create(set, replica);
      }
      if (set.state === 'dropping' && set.replicas.size === 0) placement.sets.delete(set.id);
    }
  }

  /** As the product's node does it when it has read the catalog. */
  #settleLoss({id, host}: SimNode): void {
    const settle = async (): Promise<void> => {
      for (const {id: set, replicas} of [...this.#ports.placement.sets.values()])
        for (const {id: replica, node} of [...replicas.values()]) {
          if (node !== id) continue;
          const present = host!.broken().get(set)?.replica ?? replica;
          if (present < replica) await host!.destroyReplica({set, replica: present});
          await host!.bringBackLost({set, replica});
        }
      await host!.settleLoss();
    };
    settle().catch(expected);
  }

  /** It was made, and an old image of its node's disk knows nothing of it. */
  #isMissing(set: PlacedSet, {isCreated, isCondemned, node}: PlacedReplica): boolean {
    const {host} = this.#node(node);
    return (
      isCreated && !isCondemned && host !== undefined && host.stateMachine(set.id) === undefined
    );
  }

  /** It will never vote again: it is taken out of its group, and then destroyed. */
  #replaceBroken(home: SimNode, id: ReplicaSetId, replica: ReplicaId): void {
    const set = this.#ports.placement.sets.get(id);
    if (set?.replicas.has(replica) !== true) {
      // It was destroyed, and an old image of the disk still has it.
      home.host!.destroyReplica({set: id, replica}).catch(expected);
      return;
    }
    const found = this.leaderOf(set);
    if (found === undefined || this.#proposing > 0) return;
    const {node, status} = found;
    const {configuration} = status;
    if (isJoint(configuration)) {
      if (!configuration.autoLeave) this.#propose(set, node, status, [], 'leave', 'leave');
      return;
    }
    this.condemnRemoved(set, status);
    if (!membersOf(configuration).includes(replica) || status.isConfigPending) return;
    this.#propose(set, node, status, [{type: 'remove', id: replica}], 'simple', 'replace-broken');
  }

  #hasBroken(set: PlacedSet): boolean {
    const isBroken = this.#ports.nodes.some(({host}) => host?.broken().has(set.id));
    return isBroken || [...set.replicas.values()].some((replica) => this.#isMissing(set, replica));
  }

  /** An order that was on its way for long: it must neither bring a replica back nor take its successor. */
  #repeatPastOrder(): void {
    const {chance, coverage, laws} = this.#ports;
    if (this.#past.length === 0) return;
    const {node, order} = chance.pick(this.#past);
    const {host, running, wasDamaged} = node;
    // An old image has forgotten tombstones.
    if (host === undefined || node.isPaused || wasDamaged) return;
    const {set, replica} = order;
    if (chance.odds(0.5)) {
      coverage.count('members:late create');
      host
        .createReplica(order)
        .then(() => laws.fail('no zombies', set, `${replica} was made again`), expected);
      return;
    }
    coverage.count('members:late destroy');
    const lived = host.status(set)?.replica;
    const isWanted = (): boolean => {
      const placed = this.#ports.placement.sets.get(set)?.replicas.get(lived as ReplicaId);
      return placed !== undefined && !placed.isCondemned;
    };
    host.destroyReplica({set, replica}).then(() => {
      const isSame = node.running === running && isWanted();
      if (lived !== undefined && isSame && host.status(set)?.replica !== lived)
        laws.fail('late orders', set, `the order for ${replica} destroyed ${lived}`);
    }, expected);
  }

  #create(set: PlacedSet, replica: PlacedReplica): void {
    const node = this.#node(replica.node);
    if (node.host === undefined || node.isPaused) return;
    const order = node.host.createReplica(orderOf(set, replica));
    this.#follow(set, replica, node, order, () => {
      replica.isCreated = true;
    });
  }

  #destroy(set: PlacedSet, replica: PlacedReplica): void {
    const node = this.#node(replica.node);
    if (node.host === undefined || node.isPaused) return;
    const order = node.host.destroyReplica({set: set.id, replica: replica.id});
    this.#follow(set, replica, node, order, () => {
      this.#ports.laws.destroyed(replica.id);
      this.#ports.coverage.count('members:destroyed');
      set.replicas.delete(replica.id);
      this.#past.push({node, order: orderOf(set, replica)});
    });
  }

  /** The order is open until it ends, or the process that had it does. */
  #follow(
    set: PlacedSet,
    replica: PlacedReplica,
    node: SimNode,
    order: Promise<void>,
    done: () => void,
  ): void {
    const {id} = replica;
    const {running} = node;
    this.#underWay.add(id);
    const {kernel} = this.#ports;
    const note = (text: string): void =>
      kernel.note(node.id, set.id, () => `order for ${id}: ${text}`);
    note(replica.isCondemned ? 'destroy' : 'create');
    const ended = (error: unknown): void => {
      note(`refused: ${String(error)}`);
      expected(error);
    };
    const isDone = (): void => {
      note('done');
      done();
    };
    order.then(isDone, ended).finally(() => this.#underWay.delete(id));
    const watch = (): void => {
      if (!this.#underWay.has(id)) return;
      if (node.running === running) this.#ports.kernel.after(ORDER_MS, watch);
      else this.#underWay.delete(id);
    };
    this.#ports.kernel.after(ORDER_MS, watch);
  }

  #change(): void {
    const {chance, placement, kernel} = this.#ports;
    const open = placement.openSets();
    if (open.length === 0 || kernel.nowMs < this.heldUntilMs) return;
    const set = chance.pick(open);
    const found = this.leaderOf(set);
    if (found !== undefined) this.#changeOne(set, found.node, found.status);
  }

  #changeOne(set: PlacedSet, node: SimNode, status: ReplicaStatus): void {
    const {chance} = this.#ports;
    const {configuration} = status;
    if (isJoint(configuration)) {
      if (!configuration.autoLeave) this.#propose(set, node, status, [], 'leave', 'leave');
      return;
    }
    this.condemnRemoved(set, status);
    // One voter is dead for good: no other may go before it.
    if (this.#hasBroken(set)) return;
    const {voters, learners} = configuration;
    const learner = learners.length === 0 ? undefined : (chance.pick(learners) as ReplicaId);
    const draw = chance.below(10);
    if (draw < 2) this.#transfer(set, node, status);
    else if (learner === undefined && draw < 8) this.#addLearner(set, node, status);
    else if (learner !== undefined && draw < 6) this.#promote(set, node, status, learner);
    else if (learner !== undefined && draw === 6)
      this.#propose(set, node, status, [{type: 'remove', id: learner}], 'simple', 'remove-learner');
    else if (voters.length > 1) {
      const id = chance.pick(voters);
      const type = chance.odds(0.5) ? 'remove' : 'learner';
      const mode = chance.pick(['simple', 'joint', 'joint-explicit'] as const);
      const step = type === 'remove' ? 'remove-voter' : 'demote';
      if (voters.length > Math.max(2, this.#ports.votersMin))
        this.#propose(set, node, status, [{type, id}], mode, step);
    }
  }

  #promote(set: PlacedSet, node: SimNode, status: ReplicaStatus, learner: ReplicaId): void {
    const {chance} = this.#ports;
    const {voters} = status.configuration;
    const isFull = voters.length >= VOTERS_MAX;
    if (!isFull && chance.odds(0.4)) {
      this.#propose(set, node, status, [{type: 'voter', id: learner}], 'simple', 'promote');
      return;
    }
    const leaves: ConfigChange = {
      type: chance.pick(['remove', 'learner'] as const),
      id: chance.pick(voters),
    };
    const changes: ConfigChange[] = [{type: 'voter', id: learner}, leaves];
    const mode = chance.pick(['joint', 'joint', 'joint-explicit'] as const);
    this.#propose(set, node, status, changes, mode, 'replace');
  }

  #addLearner(set: PlacedSet, node: SimNode, status: ReplicaStatus): void {
    const {chance, nodes, placement, kernel} = this.#ports;
    const taken = new Set([...set.replicas.values()].map((replica) => replica.node));
    const free = nodes.filter(({id, host}) => !taken.has(id) && host !== undefined);
    if (free.length === 0) return;
    const replica = placement.place(set, chance.pick(free).id, 'learner', kernel.nowMs);
    // Mostly the group hears of it once it is there; sometimes before, and it is waited for.
    const waitMs = chance.odds(0.8) ? 500 : 0;
    kernel.after(waitMs, () => {
      if (set.state !== 'open' || replica.isCondemned) return;
      const changes: ConfigChange[] = [{type: 'learner', id: replica.id}];
      this.#propose(set, node, status, changes, 'simple', 'add-learner', () => {
        replica.hasJoined = true;
      });
    });
  }

  #transfer(set: PlacedSet, node: SimNode, status: ReplicaStatus): void {
    const {chance, coverage} = this.#ports;
    const members = membersOf(status.configuration);
    const to = chance.pick(members) as ReplicaId;
    coverage.count('members:transfer-asked');
    const {running, host} = node;
    if (running === undefined || host === undefined) return;
    const deadlineMs = running.process.monotonicMs() + 1_000;
    host
      .transferLeader(set.id, to, {deadlineMs})
      .then(() => coverage.count('members:transfer'), expected);
  }

  #propose(
    set: PlacedSet,
    node: SimNode,
    status: ReplicaStatus,
    changes: readonly ConfigChange[],
    mode: ConfigChangeMode,
    step: string,
    done: () => void = () => undefined,
  ): void {
    const {coverage} = this.#ports;
    const {running, host} = node;
    if (running === undefined || host === undefined) return;
    const deadlineMs = running.process.monotonicMs() + DEADLINE_MS;
    const options = {expectedConfigIndex: status.configIndex, deadlineMs};
    coverage.count(`members:${step}-asked`);
    const {kernel} = this.#ports;
    const what = `${step} ${mode} ${JSON.stringify(changes)}`;
    kernel.note(node.id, set.id, () => `asked: ${what}`);
    this.#proposing += 1;
    let isOpen = true;
    const answered = (): void => {
      if (isOpen) this.#proposing -= 1;
      isOpen = false;
    };
    // A process that ends answers nothing.
    kernel.after(2 * DEADLINE_MS, answered);
    host.proposeConfig(set.id, changes, mode, options).then(
      () => {
        answered();
        kernel.note(node.id, set.id, () => `done: ${what}`);
        coverage.count(`members:${step}`);
        if (mode !== 'simple') coverage.count(`members:${mode}`);
        done();
      },
      (error: unknown) => {
        answered();
        kernel.note(node.id, set.id, () => `not done: ${what}: ${String(error)}`);
        expected(error);
      },
    );
  }

  /** Whoever joined and is no member of the newest configuration any more is to be destroyed. */
  condemnRemoved(set: PlacedSet, status: ReplicaStatus): void {
    const {configuration, configIndex, isConfigPending} = status;
    // A leader that has not applied all it may have committed speaks of an old configuration.
    if (configIndex < set.configIndex || isConfigPending) return;
    set.configIndex = configIndex;
    const members = membersOf(configuration);
    for (const replica of set.replicas.values()) {
      if (members.includes(replica.id)) {
        replica.hasJoined = true;
        replica.role = isVoter(configuration, replica.id) ? 'voter' : 'learner';
      } else if (replica.hasJoined && configIndex > 0) replica.isCondemned = true;
    }
  }

  /** One step towards rest: joint configurations are left, strays and removed ones go. */
  settle(): void {
    this.#elections.settle();
    for (const set of this.#ports.placement.openSets()) {
      const found = this.leaderOf(set);
      if (found === undefined) continue;
      const {node, status} = found;
      const {configuration} = status;
      if (isJoint(configuration)) {
        if (!configuration.autoLeave) this.#propose(set, node, status, [], 'leave', 'leave');
        continue;
      }
      this.condemnRemoved(set, status);
      for (const replica of set.replicas.values())
        if (!replica.hasJoined && !status.isConfigPending && this.#isOld(replica))
          replica.isCondemned = true;
    }
  }

  /** Whoever asked for it has had an answer by now, or will never have one. */
  #isOld({placedMs}: PlacedReplica): boolean {
    return this.#ports.kernel.nowMs - placedMs > STRAY_MS;
  }

  #node(id: NodeId): SimNode {
    return this.#ports.nodes[id - 1]!;
  }
}

function orderOf({id: set, founders}: PlacedSet, {id: replica}: PlacedReplica): CreateOrder {
  const founding = founders.includes(replica) ? {voters: founders, learners: []} : undefined;
  return {set, replica, founding};
}

function shuffled<Value>(values: readonly Value[], chance: Chance): Value[] {
  const left = [...values];
  const all: Value[] = [];
  while (left.length > 0) all.push(...left.splice(chance.below(left.length), 1));
  return all;
}
