// Puts fragments back together. They of one item follow each other on an ordered stream, so a gap
// means that frames were dropped: what was gathered is thrown away, as Raft sends it again.

import {LIMITS, type NodeId} from '@flotilla/base';
import {ByteReader, type FrameItem, ITEM_KINDS, type ItemKind, readItems} from '@flotilla/wire';

interface Gathering {
  readonly id: number;
  readonly kind: ItemKind;
  readonly bytes: Uint8Array;
  received: number;
}

/** An append of one largest entry and its header. */
const ITEM_BYTES_MAX = LIMITS.share_bytes_max.value + 64 * 1024;
/** Unfinished items of one node: bounded whatever it sends. */
const GATHERING_MAX = 8;

/** Whether a frame of one set's items ends within an item, which the next one of that set continues. */
export function isCutOff(frame: Uint8Array): boolean {
  let isOpen = false;
  for (const item of readItems(frame)) isOpen = item.kind === 'fragment' && isPart(item);
  return isOpen;
}

function isPart({payload}: FrameItem): boolean {
  const reader = new ByteReader(payload);
  reader.varint();
  reader.u8();
  const [total, offset] = [reader.varint(), reader.varint()];
  return !reader.failed && offset + reader.rest().length < total;
}

export class FragmentAssembler {
  readonly #byNode = new Map<NodeId, Map<number, Gathering>>();

  /** The whole item once its last fragment came; undefined before. */
  add(from: NodeId, item: FrameItem): FrameItem | undefined {
    const reader = new ByteReader(item.payload);
    const id = reader.varint();
    const kind = ITEM_KINDS[reader.u8()];
    const [total, offset] = [reader.varint(), reader.varint()];
    const piece = reader.rest();
    if (reader.failed || kind === undefined || kind === 'fragment') return undefined;
    if (total > ITEM_BYTES_MAX || offset + piece.length > total) return undefined;
    const sets = this.#of(from);
    if (offset === 0)
      this.#begin(sets, item.set, {id, kind, bytes: new Uint8Array(total), received: 0});
    const gathering = sets.get(item.set);
    if (gathering === undefined) return undefined;
    if (gathering.id !== id || gathering.received !== offset || gathering.bytes.length !== total) {
      sets.delete(item.set);
      return undefined;
    }
    gathering.bytes.set(piece, offset);
    gathering.received += piece.length;
    if (gathering.received < total) return undefined;
    sets.delete(item.set);
    return {kind, set: item.set, payload: gathering.bytes};
  }

  /** The connection to the node is new: nothing of the old one goes on. */
  forget(node: NodeId): void {
    this.#byNode.delete(node);
  }

  #begin(sets: Map<number, Gathering>, set: number, gathering: Gathering): void {
    sets.delete(set);
    sets.set(set, gathering);
    if (sets.size > GATHERING_MAX) sets.delete(sets.keys().next().value!);
  }

  #of(node: NodeId): Map<number, Gathering> {
    let sets = this.#byNode.get(node);
    if (sets === undefined) {
      sets = new Map();
      this.#byNode.set(node, sets);
    }
    return sets;
  }
}
