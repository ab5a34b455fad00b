// The end of a run: faults stop, everything must come to rest and answer, sets take writes though meta is
// away, replicas have the same rows, and what clients saw has an order.

import type {NodeId} from '@flotilla/base';
import {voteResult} from '@flotilla/raft';
import type {ReplicaMachine} from '@flotilla/replica';
import type {Coverage} from '../checks/coverage.ts';
import type {Laws} from '../checks/laws.ts';
import {judgeErasable} from '../erasable-register.ts';
import type {Nemesis} from '../faults/nemesis.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import {checkRegister, type RegisterOperation} from '../linearizability.ts';
import type {Network} from '../world/network.ts';
import type {SimNode} from '../world/node.ts';
import type {Clients} from './clients.ts';
import type {Drops} from './drops.ts';
import type {Elections} from './elections.ts';
import type {Ground} from './ground.ts';
import type {Operator} from './operator.ts';
import type {Orders} from './orders.ts';
import {find, type Register} from './registers.ts';
import {leaderOf, newestCatalog, unrestOf} from './rest.ts';
import {rowsOf} from './row-read.ts';
import type {Waiting} from './waiting.ts';

/** Peace must bring rest within so much simulated time. */
const REST_MS_MAX = 240_000;
const ASK_MS_MAX = 60_000;
const LAST_CLIENT = 1_000_000;

export interface ExaminationPorts {
  readonly kernel: Kernel;
  readonly nodes: readonly SimNode[];
  readonly network: Network;
  readonly laws: Laws;
  readonly coverage: Coverage;
  readonly chance: Chance;
  readonly ground: Ground;
  readonly clients: Clients;
  readonly operator: Operator;
  readonly elections: Elections;
  readonly drops: Drops;
  readonly orders: Orders;
  readonly nemesis: Nemesis;
  readonly waiting: Waiting;
  readonly start: (node: SimNode) => void;
}

export class Examination {
  readonly #ports: ExaminationPorts;
  #asked = 0;

  constructor(ports: ExaminationPorts) {
    this.#ports = ports;
  }

  /** Goes on as long as no law is broken. */
  async run(): Promise<void> {
    const {waiting} = this.#ports;
    await this.#makePeace();
    if (!waiting.isBroken) await this.#askEverything();
    if (!waiting.isBroken) await this.#compareReplicas();
    if (!waiting.isBroken) this.#checkHistories();
  }

  async #makePeace(): Promise<void> {
    const {nodes, kernel, clients, network, operator, elections, drops, orders} = this.#ports;
    this.#ports.nemesis.stop();
    for (const {disk} of nodes) disk.mend();
    clients.isStopped = true;
    operator.isStopped = true;
    elections.isStopped = true;
    drops.stop();
    orders.stop();
    operator.endOutage();
    const untilMs = kernel.nowMs + REST_MS_MAX;
    let lookMs = 0;
    let unrest: string[] = ['nobody looked'];
    await kernel.run(() => {
      if (kernel.nowMs < lookMs) return this.#ports.waiting.isBroken;
      lookMs = kernel.nowMs + 1_000;
      for (const node of nodes) this.#ports.start(node);
      operator.settle();
      elections.settle();
      const waiting = [...clients.open.values()].map((text) => `a client waits: ${text}`);
      unrest = [...waiting, ...network.unrest(), ...drops.settle(), ...orders.settle()];
      unrest.push(...unrestOf(nodes, kernel.wallStartMs + kernel.nowMs));
      return unrest.length === 0 || this.#ports.waiting.isBroken;
    }, untilMs);
    for (const text of unrest) this.#ports.laws.fail('liveness', 0, text);
  }

  /** Every open register takes a write and gives it back; what was acknowledged is there. */
  async #askEverything(): Promise<void> {
    const registers = this.#ports.ground.all();
    await this.#ask(registers, 'read');
    if (this.#ports.waiting.isBroken) return;
    const few = registers.filter(() => this.#ports.chance.odds(0.3));
    await this.#ask(few, 'write');
    if (!this.#ports.waiting.isBroken) await this.#ask(few, 'read');
    if (!this.#ports.waiting.isBroken) await this.#writeWithoutMeta(registers);
  }

  /** Without a majority of the meta group, sets that have theirs take writes to what is there. */
  async #writeWithoutMeta(registers: readonly Register[]): Promise<void> {
    // Writes made buckets, and the cluster may have begun to even itself out.
    await this.#makePeace();
    if (this.#ports.waiting.isBroken) return;
    const catalog = newestCatalog(this.#ports.nodes)!;
    const members = catalog.metaSet()!.replicas;
    const gone = members.slice(0, Math.floor(members.length / 2) + 1).map(({node}) => node);
    const isGone = (node: NodeId): boolean => gone.includes(node);
    const through = this.#ports.nodes.filter(({id}) => !isGone(id));
    const able = registers.filter((register) => {
      const found = find(catalog, register);
      const set = found && catalog.replicaSet(found.set);
      // Nobody elects while meta is away where nobody does it by himself.
      if (set === undefined || catalog.failoverOf(set.id) === 'manual') return false;
      // As the group has them: the catalog may not have heard of its last change yet.
      const leader = leaderOf(this.#ports.nodes, set.id);
      const left = set.replicas.filter(({node}) => !isGone(node));
      const votes = new Map(left.map(({replica}) => [replica, true]));
      return leader !== undefined && voteResult(leader.configuration, votes) === 'won';
    });
    if (able.length === 0 || through.length === 0) return;
    for (const node of this.#ports.nodes) if (isGone(node.id)) node.end('kill');
    this.#ports.coverage.count('writes:while meta has no majority', able.length);
    await this.#ask(able, 'write', through);
    for (const node of this.#ports.nodes) this.#ports.start(node);
  }

  async #ask(
    registers: readonly Register[],
    kind: 'write' | 'read',
    through?: readonly SimNode[],
  ): Promise<void> {
    let open = 0;
    for (const register of registers) {
      open += 1;
      this.#asked += 1;
      const client = LAST_CLIENT + this.#asked;
      const request = {client, kind, registers: [register], through};
      this.#ports.clients.request(request, (outcome, code) => {
        open -= 1;
        if (outcome === 'ok') return;
        const set = newestCatalog(this.#ports.nodes);
        const id = set === undefined ? 0 : (find(set, register)?.set ?? 0);
        this.#ports.laws.fail('liveness', id, `in peace, a request ended ${outcome}: ${code}`);
      });
    }
    await this.#ports.kernel.run(
      () => open === 0 || this.#ports.waiting.isBroken,
      this.#ports.kernel.nowMs + ASK_MS_MAX,
    );
    if (open > 0) this.#ports.laws.fail('liveness', 0, `in peace, ${open} requests had no answer`);
  }

  /** Row by row: what one replica of a set has, all have. */
  async #compareReplicas(): Promise<void> {
    await this.#makePeace();
    const catalog = newestCatalog(this.#ports.nodes)!;
    for (const set of catalog.replicaSets()) {
      for (const table of catalog.tables(set.database)) {
        const tag = table.columns.find(({kind}) => kind === 'tag')!.id;
        const field = table.columns.find(({kind}) => kind === 'field')!.id;
        const contents = new Map<string, number>();
        for (const {node, replica} of set.replicas) {
          const machine = this.#ports.nodes[node - 1]!.host!.stateMachine(set.id) as ReplicaMachine;
          let rows: string[] | undefined;
          const reading = rowsOf(machine, {table: table.id, tag, field}).then((read) => {
            rows = read;
          });
          await this.#ports.waiting.until(`rows of ${replica}`, reading);
          this.#ports.coverage.count('rows:compared', rows?.length ?? 0);
          contents.set(rows?.join('\n') ?? '', replica);
        }
        if (contents.size > 1) {
          const differing = [...contents.values()].join(' and ');
          this.#ports.laws.fail('equal states', set.id, `replicas ${differing} have other rows`);
        }
      }
    }
  }

  #checkHistories(): void {
    for (const [name, whole] of this.#ports.clients.histories) {
      const history = this.#ports.drops.erasures.judged(name, whole);
      if (history.length < whole.length)
        this.#ports.coverage.count('histories:with a drop meanwhile');
      this.#ports.coverage.count('histories:checked');
      if (history.some(({kind, value}) => kind === 'write' && value === 0)) {
        this.#checkErasable(name, history);
        continue;
      }
      const violation = checkRegister(history);
      if (violation !== undefined)
        this.#ports.laws.fail(
          'linearizability',
          0,
          `register ${name}: ${violation.message}`,
          violation.untilMs,
        );
    }
  }

  #checkErasable(name: string, history: readonly RegisterOperation[]): void {
    const judgement = judgeErasable(history);
    this.#ports.coverage.count(`histories:with erasures, ${judgement}`);
    if (judgement === 'no order')
      this.#ports.laws.fail('linearizability', 0, `register ${name}: ${JSON.stringify(history)}`);
  }
}
