// What a log says of itself that cannot be: bits changed after they were durable, or the disk has lost the
// sector. Other failures to read it (a newer version, a disk that gives nothing at all) are not of this kind,
// and end with the process.

import {FatalError} from '@flotilla/base';

export class LogDamage extends FatalError {}
