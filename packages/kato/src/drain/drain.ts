import { HarborError } from '@harbor/core';
import { z } from '@harbor/wire';
import { isIPv6 } from 'node:net';
import { isAbsolute, resolve } from 'node:path';
import { LOGS } from '../logs/line.js';

/** How a line is written: as `kato log tail --json` shows it, as it is, or as RFC 5424 has it. */
export const FORMATS = ['json', 'raw', 'syslog'] as const;
export type Format = (typeof FORMATS)[number];

/** Where a drain leads. */
export interface Target {
  /** `tls` is TCP with TLS. */
  readonly protocol: 'tcp' | 'tls' | 'udp';
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The file (PEM) of who has to have signed the server of a `tls` drain; without it those Node.js knows. */
  readonly ca?: string;
}

const NAME = /^[A-Za-z0-9][\w.-]{0,62}$/;
const URL_FORM = /^(tcp|tls|udp):\/\/(?:([A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*\.?)|\[([^\]]+)\]):(\d{1,5})\/?$/;
const URL_ALLOWED = 'must be tcp://HOST:PORT, tls://HOST:PORT or udp://HOST:PORT';

/** The host and port of a drain's URL; undefined where it is none. */
export function targetOf(url: string): Target | undefined {
  const [, protocol, name, address, digits] = URL_FORM.exec(url) ?? [];
  const host = name ?? (address !== undefined && isIPv6(address) ? address : undefined);
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { protocol: protocol === 'udp' || protocol === 'tls' ? protocol : 'tcp', host, port };
}

/** Where a drain that was checked leads. Errors: HARBOR_CONFIG_INVALID where it was not. */
export function drainTarget({ name, url, ca }: Pick<Drain, 'name' | 'url' | 'ca'>): Target {
  const target = targetOf(url);
  if (!target) throw new HarborError('HARBOR_CONFIG_INVALID', `drain ${name}: url ${URL_ALLOWED}`);
  return ca === undefined ? target : { ...target, ca };
}

const CA_ALLOWED = 'belongs to a tls:// drain, and must be an absolute path';

const fields = z.strictObject({
  name: z.string().regex(NAME, 'must be letters, digits, ".", "_" and "-", 63 at most'),
  url: z.string().refine((url) => targetOf(url) !== undefined, URL_ALLOWED),
  /** The processes whose logs it gets; none stand for all. */
  processes: z.array(z.enum(LOGS, `must be one of ${LOGS.join(', ')}`)).readonly(),
  format: z.enum(FORMATS, `must be one of ${FORMATS.join(', ')}`),
  /** The file (PEM) of who signed the server's certificate. */
  ca: z.string().refine(isAbsolute, CA_ALLOWED).optional(),
});

export const drainSchema = fields.refine(({ url, ca }) => ca === undefined || url.startsWith('tls:'), {
  path: ['ca'],
  message: CA_ALLOWED,
});

/** A place the logs are sent to. */
export type Drain = Readonly<z.infer<typeof drainSchema>>;

/** A drain made of what was typed. Errors: HARBOR_USAGE that names everything that is wrong. */
export function makeDrain(
  name: string,
  url: string,
  processes: readonly string[],
  format: string,
  ca?: string,
): Drain {
  const typed = { name, url, format, ...(ca === undefined ? {} : { ca: resolve(ca) }) };
  const made = drainSchema.safeParse({ ...typed, processes: [...new Set(processes)] });
  if (made.success) return made.data;
  const problems = made.error.issues.map(({ path: [field, at], message }) => {
    if (field === 'processes') return `there is no log of ${processes[Number(at)] ?? ''}: it ${message}`;
    return `${String(field)} ${String(typed[field as keyof typeof typed])} ${message}`;
  });
  throw new HarborError('HARBOR_USAGE', problems.join('; '));
}

/** Whether a drain gets the lines of a process. */
export function wants(drain: Drain, process: string): boolean {
  return drain.processes.length === 0 || (drain.processes as readonly string[]).includes(process);
}
