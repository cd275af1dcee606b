import { paint, say, table } from '@harbor/terminal';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { reached, type Figure } from './figures.js';

/** What one scenario came to, when and where; figures mean nothing without that. */
export interface Measured {
  readonly measured: string;
  readonly machine: string;
  /** The tools that measured, and with which settings. */
  readonly tools?: string;
  readonly figures: readonly Figure[];
}

export type Results = Readonly<Record<string, Measured>>;

/** What is written to docs/benchmarks/: NAME.json for programs and NAME.md for people. */
export interface Document {
  readonly path: string;
  readonly title: string;
  /** Markdown between the title and the tables. */
  readonly about?: string;
}

/** What the figures are measured on. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory} GiB, Linux ${release()}, Node ${process.version}`;
}

export function print(results: Results): void {
  const figures = Object.values(results).flatMap((each) => each.figures);
  const rows = groups(figures).flatMap(([group, members]) => [
    ...(group === '' ? [] : [[''], [paint('bold', group)]]),
    ...members.map((each) => [
      each.name,
      number(each.value),
      each.unit,
      extent(each),
      goal(each),
      each.note ?? '',
    ]),
  ]);
  say(machine());
  say(table([['figure', 'value', '', 'spread', 'goal', ''], ...rows]));
  const short = figures.filter((figure) => reached(figure) === false);
  say('');
  if (short.length === 0) say(paint('green', 'every goal is reached'));
  else say(paint('red', `not reached: ${short.map(({ name }) => name).join('; ')}`));
}

/** Writes the results; scenarios not run now stay as they were. Resolves with all of them. */
export function write({ path, title, about = '' }: Document, results: Results): Results {
  mkdirSync(dirname(path), { recursive: true });
  const before = existsSync(`${path}.json`)
    ? (JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Results)
    : {};
  const all: Results = { ...before, ...results };
  writeFileSync(`${path}.json`, `${JSON.stringify(all, null, 2)}\n`);
  const sections = Object.entries(all).map(([name, each]) => section(name, each));
  const head = `# ${title}\n\nWritten by \`npm run bench\`; ✓ and ✗ say whether a goal is reached.\n${about}`;
  writeFileSync(`${path}.md`, `${head}\n${sections.join('\n')}`);
  return all;
}

function section(name: string, each: Measured): string {
  const tables = groups(each.figures).map(([group, members]) => {
    const rows = members.map((figure) => {
      const value = `${number(figure.value)} ${figure.unit}`.trim();
      return `| ${figure.name} | ${value} | ${extent(figure)} | ${goal(figure)} | ${figure.note ?? ''} |`;
    });
    const heading = group === '' ? '' : `### ${group}\n\n`;
    return `${heading}| figure | value | spread | goal | |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  const tools = each.tools === undefined ? '' : `\n${each.tools}\n`;
  return `## ${name}\n\n${each.measured}, ${each.machine}\n${tools}\n${tables.join('\n')}`;
}

/** The figures by their headings, in the order in which the headings come up. */
function groups(figures: readonly Figure[]): [string, Figure[]][] {
  const all = new Map<string, Figure[]>();
  for (const each of figures) {
    const group = all.get(each.group ?? '') ?? [];
    all.set(each.group ?? '', [...group, each]);
  }
  return [...all];
}

function extent({ low, high }: Figure): string {
  return low === undefined || high === undefined ? '' : `${number(low)}–${number(high)}`;
}

function goal(figure: Figure): string {
  const { atMost, atLeast, unit } = figure;
  if (atMost === undefined && atLeast === undefined) return '';
  const text = atMost === undefined ? `≥ ${atLeast} ${unit}` : `≤ ${atMost} ${unit}`;
  return `${text.trim()} ${reached(figure) ? '✓' : '✗'}`;
}

/** Three digits that count; no more than people can compare. */
export function number(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
