import { asHarborError, type ErrorCode } from '@harbor/core';
import type { Command } from 'commander';
import { visibleLength } from './live.js';

/** Colour where a person reads: on a terminal that wants it (https://no-color.org). */
const coloured = process.stdout.isTTY && !process.env.NO_COLOR;

const CODES = { green: 32, yellow: 33, red: 31, grey: 90, bold: 1 } as const;

/** True where a person watches on a terminal that can place its cursor. */
export function isLive(): boolean {
  return process.stdout.isTTY && process.env.TERM !== 'dumb';
}

export function paint(colour: keyof typeof CODES, text: string): string {
  return coloured ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What is not the answer itself: progress, hints, warnings. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2));
}

/** Rows in columns as wide as they need to be. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => visibleLength(row[column] ?? ''))),
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell + ' '.repeat(Math.max(0, (widths[at] ?? 0) - visibleLength(cell))))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const USAGE: readonly ErrorCode[] = ['HARBOR_USAGE', 'HARBOR_PROCESS_UNKNOWN', 'HARBOR_CONFIG_UNKNOWN'];

/** Says what went wrong and what to do, and ends with the exit code that fits: 1 failed, 2 wrong usage. */
export function fail(program: string, thrown: unknown): never {
  const error = asHarborError(thrown);
  note(`${program}: ${error.message} (${error.code})`);
  const { log } = error.details;
  if (Array.isArray(log) && log.length > 0)
    note(`the end of its log:\n${log.map((line) => `  ${String(line)}`).join('\n')}`);
  note(error.entry.remedy);
  process.exit(USAGE.includes(error.code) ? 2 : 1);
}

/** How long connections may take to close, ms. */
const CLOSING = 100;

/**
 * Has a program that has done its work end, though connections are still open: a server that is frozen never closes
 * its end. One that has nothing open ends by itself before.
 */
export function endSoon(): void {
  setTimeout(() => process.exit(), CLOSING).unref();
}

/** The exit code of a program whose reader has gone (128 + SIGPIPE). */
const UNHEARD = 141;

/**
 * Ends the program where nobody reads it any more (`harbor services | head -1`), without a word: one that waits for
 * SIGTERM takes its leave as for that signal, any other one ends at once.
 */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
      else process.exit(UNHEARD);
    });
}

/** How the parser of a command line says what is wrong with it: as everything else says it. */
export function speakingAs(program: string, command = program) {
  return {
    outputError: (text: string, write: (text: string) => void): void => {
      const said = text.replace(/^error: /, '').trimEnd();
      write(`${program}: ${said} (HARBOR_USAGE)\nSee: ${command} --help\n`);
    },
  };
}

/** Has each command below a program point to its own `--help`, where something is wrong with its words. */
export function pointToHelp(program: Command): Command {
  const point = (parent: Command, path: string): void => {
    for (const command of parent.commands) {
      const name = `${path} ${command.name()}`;
      command.configureOutput(speakingAs(program.name(), name));
      point(command, name);
    }
  };
  point(program, program.name());
  return program;
}

/** Examples for the end of a `--help`. */
export function examples(...all: readonly string[]): string {
  return `\nExamples:\n${all.map((each) => `  $ ${each}`).join('\n')}`;
}
