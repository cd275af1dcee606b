import { Argument, type Command } from 'commander';
import { examples, say } from '../output.js';
import { describeCommands } from '../reference/commands.js';
import { bashCompletion } from './bash.js';
import { fishCompletion } from './fish.js';
import { planCompletion, type Plan, type SuggestionRules } from './suggestions.js';
import { zshCompletion } from './zsh.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } satisfies Record<
  string,
  (plan: Plan) => string
>;

export type Shell = keyof typeof SHELLS;

/** The script that completes a program's command lines in a shell. */
export function completionScript(program: Command, shell: Shell, rules: SuggestionRules): string {
  return SHELLS[shell](planCompletion(program.name(), describeCommands(program), rules));
}

/** Adds `completion SHELL` to a program; it is to be the last command that is added. */
export function addCompletion(program: Command, rules: SuggestionRules): void {
  const name = program.name();
  program
    .command('completion')
    .addArgument(new Argument('<SHELL>', 'bash, zsh or fish').choices(Object.keys(SHELLS)))
    .description('Print the script with which a shell completes this command at the Tab key.')
    .addHelpText(
      'after',
      examples(
        `eval "$(${name} completion bash)"`,
        `${name} completion bash > /usr/share/bash-completion/completions/${name}`,
        `${name} completion zsh > /usr/local/share/zsh/site-functions/_${name}`,
        `${name} completion fish > ~/.config/fish/completions/${name}.fish`,
      ),
    )
    .action((shell: Shell) => say(completionScript(program, shell, rules).trimEnd()));
}
