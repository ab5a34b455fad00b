// Which frames must stay in order: those of one replica set's consensus, and those of calls about one
// set. A frame that holds items of several sets is written anew, one for each, so that no set waits for
// what another has queued. Some 3 us an item; only a queue that has grown long asks.

import {frameKind, isCutOff, splitFrame} from '@flotilla/multiraft';
import {isRpcFrame, rpcSet} from './rpc-frame.ts';

export interface FlowFrame {
  readonly flow: number;
  readonly frame: Uint8Array;
  /** It ends within an item that the next frame of its flow continues. */
  readonly goesOn: boolean;
}

/** Of frames that name no set. */
const NO_SET = -1;

export function flowFrames(frame: Uint8Array): FlowFrame[] {
  const set = isRpcFrame(frame) ? rpcSet(frame) : undefined;
  if (set !== undefined) return [{flow: 2 * set + 1, frame, goesOn: false}];
  const sets = frameKind(frame) === 'groups' ? splitFrame(frame, (one) => one) : new Map();
  // Nothing that was taken in may be lost here, whatever it is.
  if (sets.size === 0) return [{flow: NO_SET, frame, goesOn: false}];
  return [...sets].map(([one, part]) => ({flow: 2 * one, frame: part, goesOn: isCutOff(part)}));
}
