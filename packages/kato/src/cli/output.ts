import { asHarborError } from '@harbor/core';

/** Colour where a person reads: on a terminal that wants it (https://no-color.org). */
const coloured = process.stdout.isTTY && !process.env.NO_COLOR;

const CODES = { green: 32, yellow: 33, red: 31, grey: 90, bold: 1 } as const;

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
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Says what went wrong and what to do, and ends with the exit code that fits. */
export function fail(thrown: unknown): never {
  const error = asHarborError(thrown);
  note(`kato: ${error.message} (${error.code})`);
  const { log } = error.details;
  if (Array.isArray(log) && log.length > 0)
    note(`the end of its log:\n${log.map((line) => `  ${String(line)}`).join('\n')}`);
  note(error.entry.remedy);
  const usage =
    error.code === 'HARBOR_USAGE' ||
    error.code === 'HARBOR_PROCESS_UNKNOWN' ||
    error.code === 'HARBOR_CONFIG_UNKNOWN';
  process.exit(usage ? 2 : 1);
}
