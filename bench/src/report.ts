import { paint, say, table } from '@harbor/terminal';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { reached, type Figure } from './figures.js';

/** What one scenario came to, when and where; figures mean nothing without that. */
export interface Measured {
  readonly measured: string;
  readonly machine: string;
  readonly figures: readonly Figure[];
}

export type Results = Readonly<Record<string, Measured>>;

/** What the figures are measured on. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory} GiB, Linux ${release()}, Node ${process.version}`;
}

export function print(results: Results): void {
  const figures = Object.values(results).flatMap((each) => each.figures);
  const rows = figures.map((figure) => [
    figure.name,
    number(figure.value),
    figure.unit,
    goal(figure),
    figure.note ?? '',
  ]);
  say(machine());
  say(table([['figure', 'value', '', 'goal', ''], ...rows]));
  const short = figures.filter((figure) => reached(figure) === false);
  say('');
  if (short.length === 0) say(paint('green', 'every goal is reached'));
  else say(paint('red', `not reached: ${short.map(({ name }) => name).join('; ')}`));
}

/** Writes the results for programs, and as tables for people beside it; scenarios not run now stay as they were. */
export function write(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true });
  const before = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : {};
  const all: Results = { ...before, ...results };
  writeFileSync(path, `${JSON.stringify(all, null, 2)}\n`);
  const sections = Object.entries(all).map(([name, each]) => section(name, each));
  const head =
    '# Benchmark: the control path\n\nWritten by `npm run bench`; ✓ and ✗ say whether a goal is reached.\n';
  writeFileSync(path.replace(/json$/, 'md'), `${head}\n${sections.join('\n')}`);
}

function section(name: string, each: Measured): string {
  const rows = each.figures.map((figure) => {
    const value = `${number(figure.value)} ${figure.unit}`.trim();
    return `| ${figure.name} | ${value} | ${goal(figure)} | ${figure.note ?? ''} |`;
  });
  const table = `| figure | value | goal | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  return `## ${name}\n\n${each.measured}, ${each.machine}\n\n${table}`;
}

function goal(figure: Figure): string {
  const { atMost, atLeast, unit } = figure;
  if (atMost === undefined && atLeast === undefined) return '';
  const text = atMost === undefined ? `≥ ${atLeast} ${unit}` : `≤ ${atMost} ${unit}`;
  return `${text.trim()} ${reached(figure) ? '✓' : '✗'}`;
}

function number(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
