// A machine of a founded cluster of four nodes, and what asks it.

import type {Command, CommandResult, CommandValue} from '../commands.ts';
import {CatalogMachine} from './catalog-machine.ts';

export const DAY = 86_400_000;
export const id = <Id extends number>(value: number) => value as Id;

export function founded(): {machine: CatalogMachine; run: ReturnType<typeof runner>} {
  const machine = new CatalogMachine();
  const run = runner(machine);
  must(run({type: 'found-cluster', clusterId: 'c1', node: description(1), atMs: 1}));
  for (const i of [2, 3, 4]) must(run({type: 'register-node', node: description(i), atMs: 2}));
  return {machine, run};
}

export function runner(machine: CatalogMachine) {
  return <C extends Command>(command: C): CommandResult<CommandValue<C>> =>
    machine.apply(command, machine.catalog.version + 1).result;
}

export function must<Value>(result: CommandResult<Value>): Value {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value;
}

export function code(result: CommandResult<unknown>): string {
  return result.ok ? 'ok' : result.error.code;
}

export function description(i: number) {
  return {incarnation: `i${i}`, address: `n${i}:8902`, engineThreads: 2, version: '0.1.0'};
}
