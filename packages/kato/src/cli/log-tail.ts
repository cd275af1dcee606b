import { HarborError } from '@harbor/core';
import type { Place } from '@harbor/runtime';
import { join } from 'node:path';
import { PROCESSES } from '../processes/catalogue.js';
import { LogReader } from './log-follow.js';
import { parseLogLine, type LogLine } from './log-line.js';
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
  const known = [...PROCESSES.map(({ name }): string => name), 'kato'];
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

/** A line that names no time stays with the one before it in its log, or after it where it is the first. */
function byTime(logs: readonly (readonly LogLine[])[]): LogLine[] {
  const timed = logs.flatMap((lines) => {
    let last = lines.find(({ time }) => time !== undefined)?.time ?? 0;
    return lines.map((line) => ({ line, at: (last = line.time ?? last) }));
  });
  return timed.sort((a, b) => a.at - b.at).map(({ line }) => line);
}

function print(line: LogLine, { json, raw, time }: TailOptions): void {
  const { process, message, level, fields } = line;
  if (raw) say(line.raw);
  else if (json) {
    const known = { process, time: line.time && new Date(line.time).toISOString(), level, message };
    // A field of the line that has the same name does not go before it.
    say(JSON.stringify({ ...known, ...fields, ...known }));
  } else {
    const stamp = time && line.time ? `${new Date(line.time).toISOString()} ` : '';
    const more = Object.entries(fields)
      .filter(([name]) => name !== 'event')
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    const shown = [message, paint('grey', more.join(' '))].filter(Boolean).join(' ');
    say(`${paint('grey', stamp)}${paint('bold', process)} ${colourOf(level ?? '')}${shown}`);
  }
}

function colourOf(level: string): string {
  if (level === 'warn') return `${paint('yellow', 'warn')} `;
  return level === 'error' || level === 'fatal' ? `${paint('red', level)} ` : '';
}
