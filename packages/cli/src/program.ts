// The command tree. Each command lives in its own file; here they are only put together, as far as a command
// line needs them.

import {Command, CommanderError} from 'commander';
import manifest from '../package.json' with {type: 'json'};
import {CommandContext} from './session.ts';
import {EXIT, type Terminal} from './terminal.ts';

type Add = (program: Command, context: CommandContext) => void;

/** In the order of --help. Each is loaded where it is needed: most take longer to load than to run. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  start: async () => (await import('./commands/start.ts')).addStartCommand,
  dev: async () => (await import('./commands/dev.ts')).addDevCommand,
  sql: async () => (await import('./commands/sql.ts')).addSqlCommand,
  write: async () => (await import('./commands/write.ts')).addWriteCommand,
  export: async () => (await import('./commands/export.ts')).addExportCommand,
  import: async () => (await import('./commands/import.ts')).addImportCommand,
  status: async () => (await import('./commands/status.ts')).addStatusCommand,
  health: async () => (await import('./commands/health.ts')).addHealthCommand,
  cluster: async () => (await import('./commands/cluster.ts')).addClusterCommands,
  node: async () => (await import('./commands/node.ts')).addNodeCommands,
  tenant: async () => (await import('./commands/tenant.ts')).addTenantCommands,
  database: async () => (await import('./commands/database.ts')).addDatabaseCommands,
  'replica-set': async () => (await import('./commands/replica-set.ts')).addReplicaSetCommands,
  storage: async () => (await import('./commands/storage.ts')).addStorageCommands,
  rebalance: async () => (await import('./commands/rebalance.ts')).addRebalanceCommand,
  operation: async () => (await import('./commands/operation.ts')).addOperationCommands,
  automation: async () => (await import('./commands/automation.ts')).addAutomationCommands,
  failover: async () => (await import('./commands/failover.ts')).addFailoverCommands,
  token: async () => (await import('./commands/token.ts')).addTokenCommands,
  audit: async () => (await import('./commands/audit.ts')).addAuditCommand,
  recover: async () => (await import('./commands/recover.ts')).addRecoverCommands,
  backup: async () => (await import('./commands/backup.ts')).addBackupCommands,
  restore: async () => (await import('./commands/restore.ts')).addRestoreCommand,
  check: async () => (await import('./commands/check.ts')).addCheckCommand,
  plan: async () => (await import('./commands/plan.ts')).addPlanCommand,
  cert: async () => (await import('./commands/cert.ts')).addCertCommands,
  sim: async () => (await import('./commands/sim.ts')).addSimCommand,
  completion: async () => (await import('./commands/completion.ts')).addCompletionCommand,
};

const EXIT_CODES = `
Exit codes:
  0    success                     (status: healthy; check, backup verify: no damage)
  1    refused or failed           (status: degraded; health: not ready; check, backup verify: damaged)
  2    no node answered            (status: unavailable; check, backup verify: could not be read)
  3    write, import, restore: some lines were rejected, the good ones are written
       export: some values cannot be written as line protocol and were left out
  64   the command line is wrong
  130  stopped by Ctrl-C; an operation that was being watched continues

Instead of --url you can set FLOTILLA_URL; instead of --token-file, FLOTILLA_TOKEN holds the token itself.
Run any command with --help to see examples.
`;

/** Runs one command line; the number is the exit code. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  const context = new CommandContext(terminal);
  const program = await buildProgram(context, args[0]);
  try {
    await program.parseAsync(args, {from: 'user'});
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return context.report(error, args.includes('--json'));
  }
}

/**
 * @param first of the command line: where it names a command, the program has that one alone; without it, and
 *   where it is anything else (--help, a word that is close to one), all.
 */
export async function buildProgram(context: CommandContext, first?: string): Promise<Command> {
  const {stdout, stderr} = context.terminal;
  const program = new Command('./flotilla')
    .description('Flotilla: a time-series database that runs as many small Raft groups')
    .version(manifest.version)
    // An option behind a command's name is that command's, also where the one above it has it too.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    })
    .addHelpText('after', EXIT_CODES);
  for (const add of await loadCommands(first)) add(program, context);
  nameHelp(program, program.name());
  return program;
}

function loadCommands(first: string | undefined): Promise<Add[]> {
  // A script for a shell names all commands.
  const isAlone = first !== undefined && first !== 'completion' && Object.hasOwn(COMMANDS, first);
  const loads = isAlone ? [COMMANDS[first]!] : Object.values(COMMANDS);
  return Promise.all(loads.map((load) => load()));
}

/** Whoever is told that a call is wrong is told whose --help to read. */
function nameHelp(command: Command, words: string): void {
  command.showHelpAfterError(`(${words} --help shows how)`);
  for (const each of command.commands) nameHelp(each, `${words} ${each.name()}`);
}
