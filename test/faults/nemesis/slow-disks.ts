// How much longer each node's disk takes for a write, in milliseconds (see slow-disk.ts).

import {NumberFiles} from './number-files.ts';

export class SlowDisks extends NumberFiles {
  constructor(directory: string) {
    super(directory, {module: 'slow-disk.ts', variable: 'FLOTILLA_TEST_SLOW_FILE'});
  }
}
