// A model of nodes and groups that carries out what the planner decides, with crashes and with actions
// that are lost, repeated and late; one seed drives all chance. At each step it checks that each group's
// majorities hold what is committed, that the planner that looks at what has changed decides as the one that
// looks at everything, and `settle` that the faults left nothing behind.

import {
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type ReplicaWork,
  SeededRandom,
} from '@flotilla/base';
import {expect} from 'vitest';
import {isFinished} from '../catalog.ts';
import {CLUSTER_VERSION} from '../cluster-version.ts';
import type {Command} from '../commands.ts';
import {CatalogMachine} from '../machine/catalog-machine.ts';
import type {Operation} from '../model.ts';
import {type Action, subjectOf} from './action.ts';
import {planBucket, votersOf} from './placement.ts';
import type {PlanSettings} from './plan-settings.ts';
import {Planner} from './planner.ts';
import {planNext} from './reconcile.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';
import {replicasWanted} from './wanted.ts';

export const id = <Id extends number>(value: number) => value as Id;

interface ModelReplica {
  readonly set: ReplicaSetId;
  /** Holds all that is committed. */
  current: boolean;
  /** It takes part in nothing any more. */
  damaged: boolean;
  /** It holds another value than was written; whoever is sent its snapshot does too. */
  wrong: boolean;
  work?: ReplicaWork;
}

interface ModelGroup {
  voters: number[];
  outgoing: number[];
  learners: number[];
  autoLeave: boolean;
  configIndex: number;
  leader: number;
  term: number;
}

/** A change of members after which fewer of the voters are up and hold all than before, as it was when it was planned. */
export interface Loss {
  readonly action: Extract<Action, {type: 'change-config'}>;
  /** That ran on the set when it was planned. */
  readonly operation: Operation | undefined;
  /** All voters that are left are up and hold all, with the right values. */
  readonly isRestWhole: boolean;
  /** No placement names those that go. */
  readonly isOfStrangers: boolean;
}

export class World {
  readonly machine = new CatalogMachine();
  readonly planner = new Planner(this.machine.catalog);
  /** As the planner was told of them. */
  readonly told = new Map<NodeId, Map<ReplicaId, ReplicaReport>>();
  readonly random: SeededRandom;
  readonly nodes = new Map<NodeId, {up: boolean; replicas: Map<ReplicaId, ModelReplica>}>();
  readonly groups = new Map<ReplicaSetId, ModelGroup>();
  readonly destroyed = new Set<ReplicaId>();
  readonly late: Action[] = [];
  readonly oldReports = new Map<NodeId, NodeReport>();
  /** Their disks have no room for more replicas. */
  readonly full = new Set<NodeId>();
  readonly losses: Loss[] = [];
  settings: PlanSettings = {};
  nowMs = 1_000_000;
  stepMs = 200;
  faults = true;
  readonly #upAtMs = new Map<NodeId, number>();
  readonly #plannedLosses = new Map<Action, Loss>();

  constructor(seed: number, nodes: number) {
    this.random = new SeededRandom(seed);
    this.propose({
      type: 'found-cluster',
      clusterId: 'c',
      node: describeNode(1),
      clusterVersion: CLUSTER_VERSION,
      atMs: 1,
    });
    this.addNode(1);
    for (let i = 2; i <= nodes; i++) this.join(i);
    const first = {set: id<ReplicaSetId>(0), current: true, damaged: false, wrong: false};
    this.nodes.get(id(1))!.replicas.set(id(1), first);
    this.groups.set(id(0), newGroup([1], []));
  }

  get catalog() {
    return this.machine.catalog;
  }

  join(i: number): void {
    this.propose({type: 'register-node', node: describeNode(i), atMs: 1});
    this.addNode(i);
  }

  addNode(i: number): void {
    this.nodes.set(id(i), {up: true, replicas: new Map()});
  }

  propose(command: Command) {
    const {update, result} = this.machine.apply(command, this.catalog.version + 1);
    this.planner.catalogChanged(update);
    for (const {kind, id: of, value} of update.changes)
      if (kind === 'replica-set' && value === undefined) this.groups.delete(id(of));
    return result;
  }

  makeBucket(timeMs: number): void {
    const command = planBucket(this.catalog, id(1), timeMs, {reports: this.reports()});
    expect(this.propose(command!).ok).toBe(true);
  }

  reports(): Map<NodeId, NodeReport> {
    const reports = new Map<NodeId, NodeReport>();
    for (const [node, state] of this.nodes) {
      const old = this.oldReports.get(node);
      if (old !== undefined && (!state.up || (this.faults && this.random.below(4) === 0))) {
        const silentSinceMs = this.#upAtMs.get(node);
        reports.set(node, state.up ? old : {...old, live: false, silentSinceMs});
        continue;
      }
      const replicas = new Map(
        [...state.replicas].map(([replica, {set}]) => [replica, this.#report(set, replica)]),
      );
      const diskFree = this.full.has(node) ? 0.1 : 0.9;
      const writes = {bytesPerSecond: 0, byReplica: new Map<ReplicaId, number>()};
      const report = {node, live: state.up, clockOffsetMs: 0, diskFree, writes, replicas};
      this.oldReports.set(node, report);
      reports.set(node, report);
    }
    return reports;
  }

  step(): Action[] {
    for (const [set, group] of this.groups) this.#runGroup(set, group);
    for (const [node, {up}] of this.nodes) if (up) this.#upAtMs.set(node, this.nowMs);
    const actions = this.#plan();
    const subjects = new Set<string>();
    for (const action of actions) {
      // As the reconciler does: of two actions on one subject the first alone.
      const subject = subjectOf(action);
      if (subjects.has(subject)) continue;
      subjects.add(subject);
      if (action.type === 'change-config') this.#foresee(action);
      this.#deliver(action);
    }
    if (this.faults && this.late.length > 0 && this.random.below(3) === 0) {
      this.#execute(this.late.splice(this.random.below(this.late.length), 1)[0]!);
    }
    this.nowMs += this.stepMs;
    this.checkSafety();
    return actions;
  }

  #plan(): Action[] {
    const reports = this.reports();
    const actions = planNext(this.catalog, reports, this.nowMs, this.settings);
    for (const [node, {replicas}] of reports) this.#tell(node, replicas);
    const told = new Map(
      [...reports].map(([node, report]) => [node, {...report, replicas: this.told.get(node)!}]),
    );
    const planned = this.planner.plan(told, this.nowMs, this.settings);
    if (JSON.stringify(planned) !== JSON.stringify(actions)) expect(planned).toEqual(actions);
    return actions;
  }

  /** Only what is other than before. */
  #tell(node: NodeId, replicas: ReadonlyMap<ReplicaId, ReplicaReport>): void {
    const told = this.told.get(node) ?? new Map<ReplicaId, ReplicaReport>();
    this.told.set(node, told);
    for (const [replica, report] of told) {
      if (replicas.has(replica)) continue;
      told.delete(replica);
      this.planner.reportChanged(node, report);
    }
    for (const [replica, report] of replicas) {
      if (JSON.stringify(told.get(replica)) === JSON.stringify(report)) continue;
      told.set(replica, report);
      this.planner.reportChanged(node, report);
    }
  }

  /** False where its set could not do without it, and nothing is done. */
  damage(replica: ReplicaId): boolean {
    const found = this.find(replica);
    const group = found && this.groups.get(found.set);
    if (found === undefined || group === undefined) return false;
    const isBorne = [group.voters, group.outgoing].every((half) => {
      const held = half.filter((other) => other !== replica && this.find(other)?.current);
      return half.length === 0 || held.length > half.length / 2;
    });
    if (!isBorne) return false;
    found.damaged = true;
    found.current = false;
    return true;
  }

  crashOrRestart(): void {
    const node = [...this.nodes.values()][this.random.below(this.nodes.size)]!;
    const down = [...this.nodes.values()].filter(({up}) => !up).length;
    if (node.up && down >= 1) return; // A minority of three at most.
    node.up = !node.up;
  }

  checkSafety(): void {
    for (const [set, group] of this.groups) {
      const {state, replaces} = this.catalog.replicaSet(set)!;
      if (replaces !== undefined) this.#checkEnded(replaces);
      // It is meant to lose all that it holds.
      if (state === 'dropping') continue;
      for (const voters of [group.voters, group.outgoing]) {
        if (voters.length === 0) continue;
        const holding = voters.filter((replica) => this.find(replica)?.current);
        expect(holding.length, `set ${set}: majority of ${voters}`).toBeGreaterThan(
          voters.length / 2,
        );
      }
    }
  }

  /** What replaces it may take writes now: no majority of it, however silent, can take any. */
  #checkEnded(set: ReplicaSetId): void {
    const group = this.groups.get(set);
    for (const voters of [group?.voters ?? [], group?.outgoing ?? []]) {
      const left = voters.filter((replica) => this.find(replica) !== undefined);
      expect(2 * left.length, `set ${set} is replaced: ${left} of ${voters}`).toBeLessThanOrEqual(
        voters.length,
      );
    }
  }

  checkSettled(): void {
    for (const operation of this.catalog.operations()) {
      expect(isFinished(operation), JSON.stringify(operation)).toBe(true);
    }
    const active = [...this.catalog.nodes()].filter(({state}) => state === 'active');
    for (const set of [...this.catalog.replicaSets(), this.catalog.metaSet()!]) {
      const group = this.groups.get(set.id)!;
      expect(set.state).toBe('open');
      const wanted = Math.min(replicasWanted(this.catalog, set), active.length);
      expect(set.replicas, JSON.stringify(group)).toHaveLength(wanted);
      expect(group.outgoing).toEqual([]);
      expect(group.voters).toHaveLength(votersOf(wanted));
      const voters = set.replicas.filter(({role}) => role === 'voter').map(({replica}) => replica);
      expect(new Set<number>(voters)).toEqual(new Set(group.voters));
      for (const {node, replica} of set.replicas) {
        expect(this.nodes.get(node)?.replicas.get(replica)?.current).toBe(true);
      }
    }
    for (const [node, {replicas}] of this.nodes) {
      for (const replica of replicas.keys()) {
        expect(this.catalog.replicaSetOf(replica), `stray ${replica} on ${node}`).toBeDefined();
      }
    }
  }

  #deliver(action: Action): void {
    const fate = this.faults ? this.random.below(10) : 9;
    if (fate === 0) return; // Lost.
    if (fate === 1) {
      this.late.push(action);
      return;
    }
    this.#execute(action);
    if (fate === 2) this.#execute(action);
  }

  #execute(action: Action): void {
    if (action.type === 'propose') {
      this.propose(action.command);
      return;
    }
    const node = this.nodes.get(action.node)!;
    if (!node.up) return;
    switch (action.type) {
      case 'create-replica':
        this.#create(node.replicas, action);
        return;
      case 'destroy-replica':
        node.replicas.delete(action.replica);
        this.destroyed.add(action.replica);
        return;
      case 'change-config':
        this.#change(action);
        return;
      case 'transfer-leader': {
        const group = this.groups.get(action.set);
        if (group?.voters.includes(action.to) && this.isUp(action.to)) {
          group.leader = action.to;
          group.term++;
        }
        return;
      }
      case 'work-on-replica':
        this.#work(action);
        return;
      default:
        action satisfies never;
    }
  }

  #create(
    replicas: Map<ReplicaId, ModelReplica>,
    {set, replica}: {set: ReplicaSetId; replica: ReplicaId},
  ): void {
    // The reconciler asks the catalog again before it sends; the node refuses what it destroyed.
    const entity = this.catalog.replicaSet(set);
    if (entity?.state === 'dropping') return;
    if (!entity?.replicas.some((placed) => placed.replica === replica)) return;
    if (this.destroyed.has(replica) || replicas.has(replica)) return;
    // A node holds one replica of a set at a time.
    if ([...replicas.values()].some((other) => other.set === set)) return;
    const founding = entity.founders.includes(replica);
    const current = founding && !this.groups.has(set);
    replicas.set(replica, {set, current, damaged: false, wrong: false});
    const created = entity.founders.filter((founder) => this.find(founder) !== undefined);
    const learners = entity.foundingLearners ?? [];
    const voters = entity.founders.filter((founder) => !learners.includes(founder));
    const durable = created.filter((founder) => voters.includes(founder));
    if (!this.groups.has(set) && durable.length > voters.length / 2) {
      this.groups.set(set, newGroup(voters, [...learners]));
    }
  }

  /** A checksum is an entry: all that are up apply it. */
  #work({set, replica, operation, work}: Extract<Action, {type: 'work-on-replica'}>): void {
    for (const {up, replicas} of this.nodes.values()) {
      for (const [other, state] of replicas) {
        if (!up || state.damaged || state.set !== set) continue;
        if (work === 'compact' && other !== replica) continue;
        const hash = state.wrong ? 'b' : 'a';
        state.work = {operation, work, state: 'done', index: 12, hash, values: 1};
      }
    }
  }

  #change(action: Extract<Action, {type: 'change-config'}>): void {
    const group = this.groups.get(action.set);
    if (group === undefined || group.configIndex !== action.expectedConfigIndex) return;
    if (!this.#leads(group, action.node)) return;
    if (action.mode === 'leave') {
      if (group.outgoing.length > 0) leave(group);
      return;
    }
    if (group.outgoing.length > 0) return;
    const before = [...group.voters];
    group.voters = votersAfter(action, before);
    for (const {type, id: member} of action.changes) {
      group.learners = group.learners.filter((learner) => learner !== member);
      if (type === 'voter') {
        const replica = this.find(member);
        // What was asked for while it held the state may come late, after its disk was damaged or taken.
        if (replica?.damaged === false)
          expect(replica.current, 'an empty learner would vote').toBe(true);
      }
      if (type === 'learner') group.learners.push(member);
    }
    expect(group.voters.length, 'no voter would be left').toBeGreaterThan(0);
    const changed = new Set([...before, ...group.voters]).size * 2;
    const distance = changed - before.length - group.voters.length;
    if (action.mode === 'simple') expect(distance).toBeLessThanOrEqual(1);
    else group.outgoing = before;
    const loss = this.#plannedLosses.get(action);
    if (loss !== undefined) this.losses.push(loss);
    group.autoLeave = action.mode === 'joint';
    group.configIndex++;
  }

  #holding(voters: readonly number[]): number[] {
    return voters.filter((voter) => this.isUp(voter) && this.find(voter)?.current);
  }

  #foresee(action: Loss['action']): void {
    const before = this.groups.get(action.set)!.voters;
    const after = votersAfter(action, before);
    const holding = this.#holding(after);
    if (holding.length >= this.#holding(before).length) return;
    const right = holding.filter((voter) => this.find(voter)?.wrong === false);
    const operation = this.catalog.operationOf(action.set);
    const isRestWhole = right.length === after.length;
    const placed = this.catalog.replicaSet(action.set)?.replicas ?? [];
    const isOfStrangers = action.changes.every(
      ({type, id: member}) => type === 'remove' && placed.every(({replica}) => replica !== member),
    );
    this.#plannedLosses.set(action, {action, operation, isRestWhole, isOfStrangers});
  }

  #runGroup(set: ReplicaSetId, group: ModelGroup): void {
    const members = [...group.voters, ...group.outgoing];
    if (!this.isUp(group.leader) || !members.includes(group.leader)) {
      const candidates = members.filter((voter) => this.isUp(voter) && this.find(voter)?.current);
      const majority = [group.voters, group.outgoing].every(
        (half) =>
          half.length === 0 || half.filter((voter) => this.isUp(voter)).length > half.length / 2,
      );
      group.leader = majority
        ? (candidates[this.random.below(Math.max(1, candidates.length))] ?? 0)
        : 0;
      group.term++;
    }
    if (group.leader === 0) return;
    if (group.outgoing.length > 0 && group.autoLeave && this.random.below(2) === 0) leave(group);
    for (const member of [...group.voters, ...group.learners]) {
      const replica = this.isUp(member) ? this.find(member) : undefined;
      if (replica === undefined || this.random.below(3) > 0) continue;
      if (!replica.current) replica.wrong = this.find(group.leader)?.wrong === true;
      replica.current = true;
    }
    expect(this.catalog.replicaSet(set), 'a group outlives its set').toBeDefined();
  }

  find(replica: number): ModelReplica | undefined {
    for (const {replicas} of this.nodes.values()) {
      const found = replicas.get(id(replica));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** It takes part, as far as its node and its disk go. */
  isUp(replica: number): boolean {
    return [...this.nodes.values()].some(
      ({up, replicas}) => up && replicas.get(id(replica))?.damaged === false,
    );
  }

  #leads(group: ModelGroup, node: NodeId): boolean {
    return this.nodes.get(node)!.replicas.has(id(group.leader));
  }

  #report(set: ReplicaSetId, replica: ReplicaId): ReplicaReport {
    const group = this.groups.get(set);
    const damaged = this.find(replica)?.damaged === true;
    const leads = group?.leader === replica && !damaged;
    return {
      set,
      replica,
      damaged: damaged ? true : undefined,
      role: damaged ? 'stopped' : leads ? 'leader' : 'follower',
      term: group?.term ?? 5,
      // A young group: its whole log is shorter than what counts as a small lag.
      appliedIndex: 12,
      lastIndex: 12,
      configIndex: group?.configIndex ?? 5,
      configuration: {
        voters: [...(group?.voters ?? [])],
        votersOutgoing: [...(group?.outgoing ?? [])],
        learners: [...(group?.learners ?? [])],
        learnersNext: [],
        autoLeave: group?.autoLeave ?? false,
      },
      durable: true,
      written: false,
      work: this.find(replica)?.work,
      progress: leads
        ? [...group.voters, ...group.learners].map((member) => ({
            replica: id(member),
            ...(this.find(member)?.current
              ? {matchIndex: 12, state: 'replicate' as const}
              : {matchIndex: 0, state: 'snapshot' as const}),
            active: this.isUp(member),
          }))
        : undefined,
    };
  }
}

function newGroup(voters: readonly number[], learners: number[]): ModelGroup {
  return {
    voters: [...voters],
    outgoing: [],
    learners,
    autoLeave: false,
    configIndex: 5,
    leader: 0,
    term: 5,
  };
}

function votersAfter({changes}: Loss['action'], voters: readonly number[]): number[] {
  const changed = new Set<number>(changes.map(({id: member}) => member));
  const added = changes.filter(({type}) => type === 'voter').map(({id: member}) => member);
  return [...voters.filter((voter) => !changed.has(voter)), ...added];
}

function leave(group: ModelGroup): void {
  group.outgoing = [];
  group.configIndex++;
}

function describeNode(i: number) {
  return {
    incarnation: `i${i}`,
    address: `n${i}`,
    engineThreads: 2,
    version: '1',
    zone: `z${i % 2}`,
  };
}

export function settle(world: World, stepsMax = 600): void {
  world.faults = false;
  for (const node of world.nodes.values()) node.up = true;
  world.late.length = 0;
  let quiet = 0;
  // A replica catches up in one step of three, and nothing is planned meanwhile.
  for (let i = 0; i < stepsMax && quiet < 40; i++) {
    const actions = world.step();
    quiet = actions.length === 0 ? quiet + 1 : 0;
  }
  world.checkSettled();
}
