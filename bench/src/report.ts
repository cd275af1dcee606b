import { paint, say, table } from '@harbor/terminal';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { reached, type Figure } from './figures.js';

/** What the figures were measured on; they mean nothing without it. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory} GiB, Linux ${release()}, Node ${process.version}`;
}

export function print(figures: readonly Figure[]): void {
  const rows = figures.map((figure) => [
    figure.name,
    number(figure.value),
    figure.unit,
    goal(figure),
    figure.note ?? '',
  ]);
  say(table([['figure', 'value', '', 'goal', ''], ...rows]));
  const short = figures.filter((figure) => reached(figure) === false);
  say('');
  if (short.length === 0) say(paint('green', 'every goal is reached'));
  else say(paint('red', `not reached: ${short.map(({ name }) => name).join('; ')}`));
}

/** Writes the figures for programs, and as a table for people beside it. */
export function write(path: string, figures: readonly Figure[], at: Date): void {
  mkdirSync(dirname(path), { recursive: true });
  const all = { measured: at.toISOString(), machine: machine(), figures: figures.map(withReached) };
  writeFileSync(path, `${JSON.stringify(all, null, 2)}\n`);
  const rows = figures.map(
    (figure) =>
      `| ${figure.name} | ${number(figure.value)} ${figure.unit} | ${goal(figure)} | ${figure.note ?? ''} |`,
  );
  const head = '| figure | value | goal | |\n| --- | --- | --- | --- |';
  const text = `# Benchmark: the control path\n\nWritten by \`npm run bench\`, ${at.toISOString()}, on ${machine()}.\n\n${head}\n${rows.join('\n')}\n`;
  writeFileSync(path.replace(/json$/, 'md'), text);
}

function withReached(figure: Figure) {
  return { ...figure, reached: reached(figure) ?? null };
}

function goal(figure: Figure): string {
  const { atMost, atLeast, unit } = figure;
  if (atMost === undefined && atLeast === undefined) return '';
  const text = atMost === undefined ? `≥ ${atLeast} ${unit}` : `≤ ${atMost} ${unit}`;
  return `${text} ${reached(figure) ? '✓' : '✗'}`;
}

function number(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
