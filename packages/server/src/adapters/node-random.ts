// Chance for production: base's generator, seeded by the operating system, so that no two nodes and
// no two starts of one node draw the same election timeouts.

import {randomBytes} from 'node:crypto';
import {type Random, SeededRandom} from '@flotilla/base';

export function createNodeRandom(): Random {
  return new SeededRandom(randomBytes(4).readUInt32LE());
}
