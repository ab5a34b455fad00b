export * from './due-queue.ts';
export * from './link-faults.ts';
export * from './memory-disk.ts';
export * from './memory-manifest-store.ts';
export * from './memory-network.ts';
export * from './node-links.ts';
export * from './process-cluster.ts';
export * from './virtual-clock.ts';
