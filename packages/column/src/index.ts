export * from './column-values.ts';
export * from './parsed-batch.ts';
export * from './scan.ts';
