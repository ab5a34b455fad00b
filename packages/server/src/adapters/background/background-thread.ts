// The background worker of a node: manifests for all its threads, one call after another. Its parent sends a MessagePort per thread; calls of one port keep their order, so
// the commits of a store, which one thread owns, do too.

import {join} from 'node:path';
import {type MessagePort, parentPort, workerData} from 'node:worker_threads';
import {assert, assertNever, type StoreId} from '@flotilla/base';
import {ManifestDatabase} from './manifest-database.ts';
import {
  type BackgroundCall,
  type BackgroundReply,
  type BackgroundRequest,
  type BackgroundResult,
  encodeFailure,
} from './protocol.ts';

const {directory} = workerData as {directory: string};
const manifests = new Map<StoreId, ManifestDatabase>();

assert(parentPort !== null, 'the background thread has a parent');
parentPort.on('message', (port: MessagePort) => {
  port.on('message', (call: BackgroundCall) => answer(port, call));
});

function answer(port: MessagePort, {callId, request}: BackgroundCall): void {
  let reply: BackgroundReply;
  try {
    reply = {callId, ok: true, result: handle(request)};
  } catch (error) {
    reply = {callId, ok: false, failure: encodeFailure(error)};
  }
  port.postMessage(reply);
}

function handle(request: BackgroundRequest): BackgroundResult {
  switch (request.type) {
    case 'manifest-open':
      assert(!manifests.has(request.store), () => `manifest of store ${request.store} is open`);
      manifests.set(request.store, new ManifestDatabase(manifestPath(request.store)));
      return undefined;
    case 'manifest-load':
      return mustManifest(request.store).load();
    case 'manifest-commit':
      mustManifest(request.store).commit(request.edit);
      return undefined;
    case 'manifest-close':
      mustManifest(request.store).close();
      manifests.delete(request.store);
      return undefined;
    default:
      return assertNever(request);
  }
}

function manifestPath(store: StoreId): string {
  return join(directory, 'stores', String(store), 'manifest.sqlite');
}

function mustManifest(store: StoreId): ManifestDatabase {
  const manifest = manifests.get(store);
  assert(manifest !== undefined, () => `manifest of store ${store} is not open`);
  return manifest;
}
