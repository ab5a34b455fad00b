// How far each node's wall clock is off, in milliseconds (see skewed-clock.ts).

import {NumberFiles} from './number-files.ts';

export class ClockSkews extends NumberFiles {
  constructor(directory: string) {
    super(directory, {module: 'skewed-clock.ts', variable: 'FLOTILLA_TEST_SKEW_FILE'});
  }
}
