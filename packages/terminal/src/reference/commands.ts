import type { Argument, Command, Option } from 'commander';
import type { EventEmitter } from 'node:events';

/** A command as its definition says it; completion and man pages are made of this. */
export interface CommandDescription {
  /** The words behind the program's name: `log drain add`; empty for the program itself. */
  readonly path: string;
  readonly usage: string;
  readonly description: string;
  readonly arguments: readonly ArgumentDescription[];
  readonly options: readonly OptionDescription[];
  /** The words that lead further, with what is found there. */
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  /** Each as it is typed. */
  readonly examples: readonly string[];
}

export interface ArgumentDescription {
  /** As the usage has it, without brackets: `NAME`, `harbor|PROCESS`. */
  readonly name: string;
  readonly description: string;
  readonly variadic: boolean;
  readonly choices: readonly string[];
}

export interface OptionDescription {
  /** As the help has it: `-p, --plan <PLAN>`. */
  readonly flags: string;
  readonly short: string | undefined;
  readonly long: string | undefined;
  /** What stands behind it: `PLAN`; undefined for a switch. */
  readonly value: string | undefined;
  readonly description: string;
  /** What holds without it, as text. */
  readonly byDefault: string | undefined;
  readonly choices: readonly string[];
}

/** The program and all its commands in the order of the help, without hidden ones and Commander's own `help`. */
export function describeCommands(program: Command, path: readonly string[] = []): CommandDescription[] {
  const help = program.createHelp();
  const below = help.visibleCommands(program).filter((each) => program.commands.includes(each));
  const own: CommandDescription = {
    path: path.join(' '),
    usage: help.commandUsage(program),
    description: program.description(),
    arguments: program.registeredArguments.map(describeArgument),
    options: help.visibleOptions(program).map(describeOption),
    commands: below.map((each) => ({ name: each.name(), description: each.description() })),
    examples: examplesOf(program),
  };
  return [own, ...below.flatMap((each) => describeCommands(each, [...path, each.name()]))];
}

function describeArgument(argument: Argument): ArgumentDescription {
  const { description, variadic, argChoices } = argument;
  return { name: argument.name(), description, variadic, choices: argChoices ?? [] };
}

function describeOption(option: Option): OptionDescription {
  const { flags, short, long, description, defaultValueDescription, argChoices } = option;
  const byDefault: unknown = option.defaultValue;
  return {
    flags,
    short,
    long,
    value: /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1],
    description,
    byDefault: defaultValueDescription ?? defaultText(byDefault, option),
    choices: argChoices ?? [],
  };
}

/** Nothing for what is off, empty or the other side of `--no-…`: the help is silent there, too. */
function defaultText(value: unknown, { negate }: Option): string | undefined {
  if (negate || (Array.isArray(value) && value.length === 0)) return undefined;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** The examples are text that Commander appends to the help, so they are taken from there. */
function examplesOf(command: Command): string[] {
  let text = '';
  // Commander's commands are emitters, though its types tell of `on` only.
  (command as unknown as EventEmitter).emit('afterHelp', {
    error: false,
    command,
    write: (more: string) => (text += more),
  });
  return [...text.matchAll(/^ {2}\$ (.+)$/gm)].map(([, example = '']) => example);
}
