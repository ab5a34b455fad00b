// Makes protobufjs decode 64-bit integers to plain numbers. Must be imported before the generated
// code: with Long present u64 fields become Long objects whatever the generated types say.
// Values past 2^53 lose bits; `isSafeField` in each decoder refuses them.

import protobuf from 'protobufjs/minimal.js';

Reflect.set(protobuf.util, 'Long', null);
protobuf.configure();
