// What is wrong with a command line, said by the names of its options; and its exit code.

import type {Command, CommanderError} from 'commander';
import type {z} from 'zod';

export const EXIT_USAGE = 64;

/** One line for each fault: the option as it is typed, and what it wants. */
export function describeFaults({issues}: z.ZodError): string {
  return issues
    .map(({path, message}) => {
      const [name] = path;
      return typeof name === 'string' ? `${optionOf(name)}: ${message}` : message;
    })
    .join('\n');
}

function optionOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Unknown words end with the same code as bad ones. Before any command is added, as they inherit it. */
export function endWithUsageCode(program: Command): void {
  program.exitOverride(({exitCode}: CommanderError) => {
    process.exit(exitCode === 0 ? 0 : EXIT_USAGE);
  });
}
