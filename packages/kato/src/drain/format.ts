import { fieldsText, lineAsJson, messageText, type LogLine } from '../logs/line.js';
import type { Drain, Target } from './drain.js';

/** RFC 5424 §6.2.1: facility 3, system daemons. */
const DAEMON = 3;
/** Severities of RFC 5424 by the logs' levels; what names none is informational. */
const SEVERITIES: Readonly<Record<string, number>> = {
  fatal: 2,
  error: 3,
  warn: 4,
  info: 6,
  debug: 7,
  trace: 7,
};
const NIL = '-';
/** What one datagram holds on any route: the most of UDP over IPv4 is 65,507 bytes. */
const DATAGRAM = 65_000;

/**
 * The bytes of a line as a drain gets it. TCP, also with TLS: ended by a newline, syslog
 * counted in octets (RFC 6587 §3.4.1, RFC 5425 §4.3). UDP: one datagram, cut at 65,000 bytes. `host` is this machine's name.
 */
export function encode(line: LogLine, format: Drain['format'], target: Target, host: string): Buffer {
  const text = format === 'raw' ? line.raw : format === 'json' ? jsonOf(line) : syslogOf(line, host);
  if (target.protocol === 'udp') return cut(Buffer.from(text));
  return Buffer.from(format === 'syslog' ? `${Buffer.byteLength(text)} ${text}` : `${text}\n`);
}

function jsonOf(line: LogLine): string {
  return JSON.stringify(lineAsJson(line));
}

/** RFC 5424 §6: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`. */
function syslogOf(line: LogLine, host: string): string {
  const { process, time, level = '', fields } = line;
  const priority = DAEMON * 8 + (SEVERITIES[level] ?? 6);
  const stamp = time ? new Date(time).toISOString() : NIL;
  const event = typeof fields.event === 'string' ? printable(fields.event, 32) : NIL;
  const head = [`<${priority}>1`, stamp, printable(host, 255), printable(process, 48), NIL, event, NIL];
  return [...head, messageText(line), ...fieldsText(fields)].filter(Boolean).join(' ');
}

/** PRINTUSASCII of RFC 5424: what is none of it is left out. */
function printable(text: string, most: number): string {
  return text.replace(/[^\x21-\x7e]/g, '').slice(0, most) || NIL;
}

/** Cut between two characters. */
function cut(bytes: Buffer): Buffer {
  if (bytes.length <= DATAGRAM) return bytes;
  let end = DATAGRAM;
  // 10xxxxxx goes on with a character that began before it.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
