// What a slow link is behind with, dealt into flows that have turns (deficit round robin, Shreedhar and
// Varghese 1995): each time a flow's turn comes it may send some bytes more, saved up until its first
// frame fits; what it sends beyond them it owes. So a set with megabytes queued delays another's frame by
// what one frame and a turn of each flow take, not by all that is queued.
//
// Invariants: frames of one flow leave in the order they came; a turn does not end within an item that
// is spread over several frames, since the receiver gathers but a few at a time.

import {assert} from '@flotilla/base';
import {type FlowFrame, flowFrames} from './frame-flows.ts';

/** 13 ms at 10 Mbit/s; less makes many rounds of one frame of the usual 256 KiB at most. */
const TURN_BYTES = 16_384;

interface Flow {
  frames: FlowFrame[];
  /** Of `frames`: the first that waits. */
  head: number;
  /** What it may send now; below zero what it sent beyond its turns. */
  creditBytes: number;
  isWithinItem: boolean;
}

export class FairFrames {
  /** In the order of their turns. None is empty. */
  readonly #flows = new Map<number, Flow>();

  get isEmpty(): boolean {
    return this.#flows.size === 0;
  }

  /** The bytes that wait by it: somewhat more than the frame's, where it is dealt to several flows. */
  push(frame: Uint8Array): number {
    let bytes = 0;
    for (const part of flowFrames(frame)) {
      const flow = this.#flows.get(part.flow);
      if (flow === undefined) this.#flows.set(part.flow, newFlow(part));
      else flow.frames.push(part);
      bytes += part.frame.byteLength;
    }
    return bytes;
  }

  /** Requires that it is not empty. */
  next(): Uint8Array {
    for (const [key, flow] of this.#flows) {
      const {frame, goesOn} = flow.frames[flow.head]!;
      if (!flow.isWithinItem && flow.creditBytes < frame.byteLength) {
        flow.creditBytes += TURN_BYTES;
        // To the end: this walk comes to it again after all others.
        this.#flows.delete(key);
        this.#flows.set(key, flow);
        continue;
      }
      flow.creditBytes -= frame.byteLength;
      flow.isWithinItem = goesOn;
      this.#dropHead(key, flow);
      return frame;
    }
    assert(false, 'no frame waits');
  }

  #dropHead(key: number, flow: Flow): void {
    flow.head += 1;
    if (flow.head === flow.frames.length) this.#flows.delete(key);
    // Cut only once half is empty, so that a frame costs a constant share of the copying.
    if (flow.head * 2 < flow.frames.length && flow.head < 1024) return;
    flow.frames = flow.frames.slice(flow.head);
    flow.head = 0;
  }
}

function newFlow(first: FlowFrame): Flow {
  return {frames: [first], head: 0, creditBytes: TURN_BYTES, isWithinItem: false};
}
