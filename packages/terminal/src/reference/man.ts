import type { ArgumentDescription, CommandDescription, OptionDescription } from './commands.js';

/** What a man page says beside its commands. */
export interface Manual {
  readonly program: string;
  readonly version: string;
  /** Behind the name in the first section, without a full stop. */
  readonly purpose: string;
  readonly environment: readonly (readonly [name: string, meaning: string])[];
  readonly files: readonly (readonly [path: string, meaning: string])[];
  /** Other pages: `kato(1)`. */
  readonly seeAlso: readonly string[];
}

/** Section 1 of the manual in roff, with the macros of man(7), made of the definitions of the commands. */
export function manualPage(manual: Manual, commands: readonly CommandDescription[]): string {
  const { program, version, purpose } = manual;
  const [whole, ...each] = commands;
  // Groups are described by what is in them.
  const leaves = each.filter(({ commands: below }) => below.length === 0);
  return `${[
    String.raw`.\" Made of the definitions of the commands: npm run docs`,
    `.TH ${program.toUpperCase()} 1 "" "Harbor ${version}" "Harbor Manual"`,
    '.SH NAME',
    `${text(program)} \\- ${text(purpose)}`,
    '.SH SYNOPSIS',
    `.B ${text(program)}`,
    '.I COMMAND',
    '[\\fIARGUMENT\\fR ...] [\\fIOPTION\\fR ...]',
    '.SH DESCRIPTION',
    paragraph(whole?.description ?? ''),
    ...(whole?.options ?? []).flatMap(option),
    '.SH COMMANDS',
    ...leaves.flatMap((command) => section(command)),
    '.SH EXIT STATUS',
    ...entry('0', 'Done.'),
    ...entry('1', 'Failed; the reason is on standard error.'),
    ...entry('2', 'Wrong usage.'),
    '.SH ENVIRONMENT',
    ...manual.environment.flatMap(([name, meaning]) => entry(name, meaning)),
    '.SH FILES',
    ...manual.files.flatMap(([path, meaning]) => entry(path, meaning)),
    '.SH EXAMPLES',
    ...examples(whole?.examples ?? []),
    '.SH SEE ALSO',
    manual.seeAlso
      .map((page) =>
        page.replace(/^(.*)\((\d)\)$/, (_, name: string, at: string) => `.BR ${text(name)} (${at})`),
      )
      .join(' ,\n'),
  ].join('\n')}\n`;
}

function section({
  usage,
  description,
  arguments: wanted,
  options,
  examples: shown,
}: CommandDescription): string[] {
  return [
    `.SS ${text(usage.replace(' [options]', ''))}`,
    paragraph(description),
    ...wanted.filter((each) => each.description !== '').flatMap(argument),
    ...options.filter(({ long }) => long !== '--help').flatMap(option),
    ...(shown.length > 0 ? ['.PP', shown.length > 1 ? 'Examples:' : 'Example:', ...examples(shown)] : []),
  ];
}

function argument({ name, description }: ArgumentDescription): string[] {
  return ['.TP', `.I ${text(name)}`, paragraph(description)];
}

function option({ flags, description, byDefault }: OptionDescription): string[] {
  return entry(flags, byDefault === undefined ? description : `${description} (default: ${byDefault})`);
}

function entry(name: string, meaning: string): string[] {
  return ['.TP', `.B ${text(name)}`, paragraph(meaning)];
}

function examples(all: readonly string[]): string[] {
  return ['.PP', '.RS', '.nf', ...all.map((line) => paragraph(`$ ${line}`)), '.fi', '.RE'];
}

/** A line of its own: a dot or a quote at its begin would be a command of roff. */
function paragraph(line: string): string {
  return text(line).replace(/^[.']/, '\\&$&');
}

/** Text that roff prints as it is: its escape character, the dash that can be copied, quotes, and what is not ASCII. */
function text(line: string): string {
  return line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('`', '\\(ga')
    .replaceAll('…', '...')
    .replace(
      /[^\u0020-\u007e]/gu,
      (each) => `\\[u${each.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0') ?? ''}]`,
    );
}
