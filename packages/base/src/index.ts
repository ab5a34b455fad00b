export * from './assert.ts';
export * from './errors.ts';
export * from './handled-elsewhere.ts';
export * from './histogram.ts';
export * from './ids.ts';
export * from './limits.ts';
export * from './ports.ts';
export * from './random.ts';
