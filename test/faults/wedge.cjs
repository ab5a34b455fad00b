// Loaded into a node's threads before its program (NODE_OPTIONS=--require): while a file of this name is in
// the directory FLOTILLA_WEDGE, the engine threads stand still (`engine`), or their writes do not
// reach the disk (`disk`). What a debugger, an endless statement or a network volume do to a thread, by order.

const fs = require('node:fs');
const path = require('node:path');
const {threadName} = require('node:worker_threads');

const LOOK_MS = 50;
const directory = process.env.FLOTILLA_WEDGE;

function isWedged(what) {
  return fs.existsSync(path.join(directory, what));
}

function standStill() {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  while (isWedged('engine')) Atomics.wait(nothing, 0, 0, LOOK_MS);
}

if (directory !== undefined && threadName?.startsWith('flotilla-engine-')) {
  setInterval(standStill, LOOK_MS).unref();
  // A durable write is one call (O_DSYNC) where the system has that, else a write and a sync.
  for (const call of ['writev', 'fdatasync']) {
    const real = fs[call];
    fs[call] = (...args) => {
      if (isWedged('disk')) setTimeout(() => fs[call](...args), LOOK_MS);
      else real(...args);
    };
  }
}
