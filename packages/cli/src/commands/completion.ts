// `completion`: a script that teaches a shell the commands and their options.

import {Argument, type Command} from 'commander';
import {completionScript, SHELLS, type Shell} from '../completion.ts';
import {type CommandContext, examples} from '../session.ts';
import {writeOut} from '../terminal.ts';

export function addCompletionCommand(program: Command, context: CommandContext): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .description('print a script for your shell that completes commands and options')
    .addHelpText(
      'after',
      examples(['completion bash', 'completion fish > ~/.config/fish/completions/flotilla.fish']) +
        '\nTo use it in the current shell:\n' +
        '  source <(./flotilla completion bash)   (zsh: the same with zsh, below compinit)\n' +
        '  ./flotilla completion fish | source\n',
    )
    .action(async (shell: Shell) => {
      await writeOut(context.terminal.stdout, completionScript(program, shell));
    });
}
