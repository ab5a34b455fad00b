// The model store: numbered registers behind the product's own retry window and keys. What it flushed survives
// with its node; the rest is replayed from the log. Its digest is made from the registers themselves,
// so that equal digests at an index mean equal state, by whatever way it came.

import {assert, type Disk} from '@flotilla/base';
import type {
  ApplyResult,
  DurablePoint,
  Snapshot,
  StagedSnapshot,
  StateMachine,
} from '@flotilla/multiraft';
import {decodeSeen, encodeSeen, type Seen} from '@flotilla/replica';
import {decodeWrite, mix, type WriteCommand} from './command.ts';

/** What a machine holds on its disk; replaced as a whole, as a manifest's commit is. */
export interface KeptState {
  readonly point: DurablePoint;
  readonly registers: readonly (readonly [number, number])[];
  /** The product's record of it. */
  readonly seen: string;
}

export interface Applied {
  readonly status: 'applied' | 'duplicate' | 'forgotten';
}

export interface MachinePorts {
  readonly disk: Disk;
  readonly load: () => KeptState | undefined;
  /** Durable when it resolves, unless the process ends before. */
  readonly save: (state: KeptState) => Promise<void>;
  readonly remove: () => void;
  /** Called after every entry; `command` and `result` for writes. */
  readonly onApplied: (
    machine: RegisterMachine,
    point: {index: number; term: number; payload?: Uint8Array | undefined},
    write?: {command: WriteCommand; result: Applied},
  ) => void;
}

const text = new TextDecoder();
const bytesOf = new TextEncoder();

export class RegisterMachine implements StateMachine {
  readonly #ports: MachinePorts;
  #registers: Map<number, number>;
  #seen: Seen;
  #point: DurablePoint;
  #durable: DurablePoint;
  #digest = 0;
  isClosed = false;

  constructor(founding: DurablePoint, ports: MachinePorts) {
    this.#ports = ports;
    const kept = ports.load() ?? {point: founding, registers: [], seen: ''};
    this.#registers = new Map(kept.registers);
    this.#seen = decodeSeen(bytesOf.encode(kept.seen));
    this.#point = kept.point;
    this.#durable = kept.point;
    this.#redigest();
  }

  get appliedIndex(): number {
    return this.#point.index;
  }

  get digest(): number {
    return this.#digest;
  }

  read(register: number): number {
    return this.#registers.get(register) ?? 0;
  }

  durablePoint(): DurablePoint {
    return this.#durable;
  }

  apply(index: number, term: number, payload: Uint8Array): ApplyResult {
    const command = decodeWrite(payload);
    const result = this.#applyWrite(command);
    this.#move(index, term);
    this.#ports.onApplied(this, {index, term, payload}, {command, result});
    return {value: result};
  }

  applyConfiguration(
    index: number,
    term: number,
    configuration: DurablePoint['configuration'],
  ): void {
    this.#move(index, term);
    this.#point = {index, term, configuration};
    this.#ports.onApplied(this, {index, term});
  }

  applyNothing(index: number, term: number): void {
    this.#move(index, term);
    this.#ports.onApplied(this, {index, term});
  }

  canApply(): boolean {
    return true;
  }

  canTake(): boolean {
    return true;
  }

  afterApply(): void {}

  async snapshot(): Promise<Snapshot> {
    const bytes = bytesOf.encode(JSON.stringify(this.#state()));
    return {
      point: this.#point,
      files: [
        {
          name: 'registers.json',
          bytes: bytes.length,
          read: async (offset, length) => bytes.slice(offset, offset + length),
        },
      ],
      release: () => undefined,
    };
  }

  async install({directory, fileNames, point}: StagedSnapshot): Promise<void> {
    const file = await this.#ports.disk.open(`${directory}/${fileNames[0]}`, 'read');
    const bytes = await file.readAt(0, await file.size());
    const state = JSON.parse(text.decode(bytes)) as KeptState;
    this.#registers = new Map(state.registers);
    this.#seen = decodeSeen(bytesOf.encode(state.seen));
    this.#point = point;
    this.#redigest();
    await this.flush();
    this.#ports.onApplied(this, point);
  }

  async flush(): Promise<void> {
    const state = this.#state();
    await this.#ports.save(state);
    if (state.point.index > this.#durable.index) this.#durable = state.point;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  async destroy(): Promise<void> {
    this.isClosed = true;
    this.#ports.remove();
  }

  #state(): KeptState {
    const registers = [...this.#registers].sort((a, b) => a[0] - b[0]);
    return {point: this.#point, registers, seen: text.decode(encodeSeen(this.#seen))};
  }

  /** As the product's machine takes a share. */
  #applyWrite({register, value, incarnation, sequence, key}: WriteCommand): Applied {
    const {retries, keys} = this.#seen;
    const seen = retries.look(incarnation, sequence);
    if (seen !== 'new') return {status: seen};
    if (key !== 0 && keys.unseen(String(key), [register]) === undefined)
      return {status: 'duplicate'};
    retries.remember(incarnation, sequence);
    if (key !== 0) keys.remember(String(key));
    this.#digest ^= mix(register, this.read(register)) ^ mix(register, value);
    this.#registers.set(register, value);
    return {status: 'applied'};
  }

  #redigest(): void {
    this.#digest = 0;
    for (const [register, value] of this.#registers)
      this.#digest ^= mix(register, 0) ^ mix(register, value);
  }

  #move(index: number, term: number): void {
    assert(index === this.#point.index + 1, () => `apply gap: ${this.#point.index} then ${index}`);
    this.#point = {...this.#point, index, term};
  }
}
