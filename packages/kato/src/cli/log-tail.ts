import { escaped, HarborError } from '@harbor/core';
import type { Place } from '@harbor/runtime';
import { join } from 'node:path';
import { LogReader } from '../logs/reader.js';
import {
  byTime,
  fieldsText,
  lineAsJson,
  LOGS,
  messageText,
  parseLogLine,
  type LogLine,
} from '../logs/line.js';
import { paint, say } from '@harbor/terminal';

export interface TailOptions {
  readonly json?: boolean;
  readonly raw?: boolean;
  readonly time?: boolean;
  readonly lines: number;
  readonly follow: boolean;
}

/** How often the logs are looked at, ms. */
const EVERY = 200;

/** `kato log tail [PROCESS…]`: all of them merged by time; it follows until it is interrupted. */
export async function logTail(place: Place, names: readonly string[], options: TailOptions): Promise<void> {
  const known: readonly string[] = LOGS;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new HarborError('HARBOR_PROCESS_UNKNOWN', `no log of ${unknown}; there are ${known.join(', ')}`);
  }
  const readers = known
    .filter((name) => names.length === 0 || names.includes(name))
    .map((name) => new LogReader(name, join(place.home.logs, `${name}.log`)));
  const parse = (reader: LogReader, lines: readonly string[]) =>
    lines.map((line) => parseLogLine(reader.process, line));
  const first = byTime(readers.map((reader) => parse(reader, reader.present())));
  for (const line of first.slice(Math.max(0, first.length - options.lines))) print(line, options);
  while (options.follow) {
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    for (const line of byTime(readers.map((reader) => parse(reader, reader.more())))) print(line, options);
  }
}

function print(line: LogLine, { json, raw, time }: TailOptions): void {
  const { process, level, fields } = line;
  if (raw) say(line.raw);
  else if (json) say(escaped(JSON.stringify(lineAsJson(line))));
  else {
    const stamp = time && line.time ? `${new Date(line.time).toISOString()} ` : '';
    const shown = [messageText(line), paint('grey', fieldsText(fields).join(' '))].filter(Boolean).join(' ');
    say(`${paint('grey', stamp)}${paint('bold', process)} ${colourOf(level ?? '')}${shown}`);
  }
}

function colourOf(level: string): string {
  if (level === 'warn') return `${paint('yellow', 'warn')} `;
  return level === 'error' || level === 'fatal' ? `${paint('red', level)} ` : '';
}
