export * from './byte-reader.ts';
export * from './byte-writer.ts';
export * from './frame.ts';
export * from './node-messages.ts';
export * from './raft-message.ts';
