// The command tree. Each command lives in its own file; here they are only put together.

import {Command, CommanderError} from 'commander';
import manifest from '../package.json' with {type: 'json'};
import {addAuditCommand} from './commands/audit.ts';
import {addAutomationCommands} from './commands/automation.ts';
import {addBackupCommands} from './commands/backup.ts';
import {addCertCommands} from './commands/cert.ts';
import {addCheckCommand} from './commands/check.ts';
import {addClusterCommands} from './commands/cluster.ts';
import {addCompletionCommand} from './commands/completion.ts';
import {addDatabaseCommands} from './commands/database.ts';
import {addDevCommand} from './commands/dev.ts';
import {addExportCommand} from './commands/export.ts';
import {addFailoverCommands} from './commands/failover.ts';
import {addHealthCommand} from './commands/health.ts';
import {addImportCommand} from './commands/import.ts';
import {addNodeCommands} from './commands/node.ts';
import {addOperationCommands} from './commands/operation.ts';
import {addPlanCommand} from './commands/plan.ts';
import {addRebalanceCommand} from './commands/rebalance.ts';
import {addRecoverCommands} from './commands/recover.ts';
import {addReplicaSetCommands} from './commands/replica-set.ts';
import {addRestoreCommand} from './commands/restore.ts';
import {addSimCommand} from './commands/sim.ts';
import {addSqlCommand} from './commands/sql.ts';
import {addStartCommand} from './commands/start.ts';
import {addStatusCommand} from './commands/status.ts';
import {addStorageCommands} from './commands/storage.ts';
import {addTenantCommands} from './commands/tenant.ts';
import {addTokenCommands} from './commands/token.ts';
import {addWriteCommand} from './commands/write.ts';
import {CommandContext} from './session.ts';
import {EXIT, type Terminal} from './terminal.ts';

const EXIT_CODES = `
Exit codes:
  0    done                        (status: healthy; check, backup verify: whole)
  1    refused or failed           (status: degraded; health: not ready; check, backup verify: damaged)
  2    no node answered            (status: unavailable; check: it could not be read)
  3    write, import, restore: some lines were bad, the good ones are written
       export: some values have no form in line protocol and are left out
  64   the command line is wrong
  130  Ctrl-C; an operation that was being watched goes on

FLOTILLA_URL stands in for --url, FLOTILLA_TOKEN for what is in --token-file. Each command's --help shows examples.
`;

/** Runs one command line; the number is the exit code. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  const context = new CommandContext(terminal);
  const program = buildProgram(context);
  try {
    await program.parseAsync(args, {from: 'user'});
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return context.report(error, args.includes('--json'));
  }
}

export function buildProgram(context: CommandContext): Command {
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
  addStartCommand(program, context);
  addDevCommand(program, context);
  addSqlCommand(program, context);
  addWriteCommand(program, context);
  addExportCommand(program, context);
  addImportCommand(program, context);
  addStatusCommand(program, context);
  addHealthCommand(program, context);
  addClusterCommands(program, context);
  addNodeCommands(program, context);
  addTenantCommands(program, context);
  addDatabaseCommands(program, context);
  addReplicaSetCommands(program, context);
  addStorageCommands(program, context);
  addRebalanceCommand(program, context);
  addOperationCommands(program, context);
  addAutomationCommands(program, context);
  addFailoverCommands(program, context);
  addTokenCommands(program, context);
  addAuditCommand(program, context);
  addRecoverCommands(program, context);
  addBackupCommands(program, context);
  addRestoreCommand(program, context);
  addCheckCommand(program, context);
  addPlanCommand(program, context);
  addCertCommands(program, context);
  addSimCommand(program, context);
  addCompletionCommand(program, context);
  nameHelp(program, program.name());
  return program;
}

/** Whoever is told that a call is wrong is told whose --help to read. */
function nameHelp(command: Command, words: string): void {
  command.showHelpAfterError(`(${words} --help shows how)`);
  for (const each of command.commands) nameHelp(each, `${words} ${each.name()}`);
}
