// What a log says of itself that cannot be: bits changed after they were durable. Other failures to
// read it (a newer version, an error of the disk) are not of this kind, and end with the process.

import {FatalError} from '@flotilla/base';

export class LogDamage extends FatalError {}
