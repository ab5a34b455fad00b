export * from './catalog.ts';
export * from './commands.ts';
export * from './model.ts';
