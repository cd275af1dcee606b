import { parsePortRange } from '@harbor/core';
import { parseQuotas } from '@harbor/wire';
import convict from 'convict';
import { isIP } from 'node:net';

/** A value's form, with the sentence that says what is allowed. */
interface Format {
  readonly allowed: string;
  readonly accepts: (value: unknown) => boolean;
  /** From text (environment, command line) to the value. */
  readonly coerce?: (text: string) => unknown;
}

const HOSTNAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;
const SENTINEL_HOSTS = String.raw`[^\s/,@]+:\d+(,[^\s/,@]+:\d+)*`;
const REDIS_URL = new RegExp(
  String.raw`^(rediss?://[^\s/]+(/\d+)?/?|rediss?\+sentinel://([^\s/@]*@)?${SENTINEL_HOSTS}/[\w.-]+)$`,
);
const HTTP_URL = /^https?:\/\/[^\s/?#@]+[^\s?#]*$/;
const NATS_URL = /^(nats|tls):\/\/[^\s,]+(,\s*(nats|tls):\/\/[^\s,]+)*$/;

const text = (value: unknown): value is string => typeof value === 'string';
const whole = (low: number, high: number) => (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
const isHost = (value: unknown): boolean => text(value) && (isIP(value) !== 0 || HOSTNAME.test(value));
const orUnset = (accepts: Format['accepts']) => (value: unknown) => value === null || accepts(value);
const number = (value: string): unknown =>
  value.trim() === '' || Number.isNaN(Number(value)) ? value : Number(value);
const unset = (value: string): unknown => (value === '' ? null : value);

/** Every format of a configuration value. */
export const FORMATS = {
  'harbor-port': { allowed: 'a port number, 1…65535', accepts: whole(1, 65535), coerce: number },
  'harbor-port-range': {
    allowed: 'LOW-HIGH with 1 ≤ LOW ≤ HIGH ≤ 65535, such as 35000-40000',
    accepts: (value) => text(value) && parsePortRange(value) !== undefined,
  },
  'harbor-node-id': {
    allowed: 'letters, digits, _ and -, 64 at most',
    accepts: (value) => text(value) && /^[A-Za-z0-9_-]{1,64}$/.test(value),
  },
  'harbor-word': {
    allowed: 'letters, digits, _ and -, 64 at most',
    accepts: (value) => text(value) && /^[A-Za-z0-9_-]{1,64}$/.test(value),
  },
  'harbor-word-or-unset': {
    allowed: 'letters, digits, _ and -, 64 at most, or unset',
    accepts: orUnset((value) => text(value) && /^[A-Za-z0-9_-]{1,64}$/.test(value)),
    coerce: unset,
  },
  'harbor-host': { allowed: 'an IP address or a host name', accepts: isHost },
  'harbor-host-or-unset': {
    allowed: 'an IP address or a host name, or unset',
    accepts: orUnset(isHost),
    coerce: unset,
  },
  'harbor-address': {
    allowed: 'an IP address of this machine; 0.0.0.0 for all, IPv4 and IPv6',
    accepts: (value) => text(value) && isIP(value) !== 0,
  },
  'harbor-redis-url': {
    allowed:
      'redis://…, rediss://…, redis+sentinel://HOST:PORT,HOST:PORT/NAME or rediss+sentinel://…, or unset',
    accepts: orUnset((value) => text(value) && REDIS_URL.test(value)),
    coerce: unset,
  },
  'harbor-nats-url': {
    allowed: 'one or several nats://… or tls://… with commas between, or unset',
    accepts: orUnset((value) => text(value) && NATS_URL.test(value)),
    coerce: unset,
  },
  'harbor-file-or-unset': {
    allowed: 'the path of a file, from / on, or unset',
    accepts: orUnset((value) => text(value) && /^\/[^\0\n]*[^/\0\n]$/.test(value)),
    coerce: unset,
  },
  'harbor-http-url': {
    allowed: 'http://… or https://…, without a query, or unset',
    accepts: orUnset((value) => text(value) && HTTP_URL.test(value) && URL.canParse(value)),
    coerce: unset,
  },
  'harbor-seconds': {
    allowed: 'seconds, 1…86400',
    accepts: (value) => typeof value === 'number' && value >= 1 && value <= 86_400,
    coerce: number,
  },
  'harbor-timeout': {
    allowed: 'seconds, 0.1…86400',
    accepts: (value) => typeof value === 'number' && value >= 0.1 && value <= 86_400,
    coerce: number,
  },
  'harbor-seconds-or-zero': {
    allowed: 'seconds, 0…86400',
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= 86_400,
    coerce: number,
  },
  'harbor-seconds-or-off': {
    allowed: 'seconds, 1…86400, or off',
    accepts: (value) => value === 'off' || (typeof value === 'number' && value >= 1 && value <= 86_400),
    coerce: number,
  },
  'harbor-workers': {
    allowed: 'auto or 1: this version of Harbor relays in one worker',
    accepts: (value) => value === 'auto' || value === 1,
    coerce: number,
  },
  'harbor-count': { allowed: 'a whole number, 0…1000000', accepts: whole(0, 1_000_000), coerce: number },
  'harbor-size': { allowed: 'megabytes, 1…10000', accepts: whole(1, 10_000), coerce: number },
  'harbor-secret': {
    allowed: '8 to 256 printable characters without blanks',
    accepts: (value) => text(value) && /^[\x21-\x7e]{8,256}$/.test(value),
  },
  'harbor-username': {
    allowed: '1 to 64 printable characters without blanks or a colon',
    accepts: (value) => text(value) && /^[\x21-\x39\x3b-\x7e]{1,64}$/.test(value),
  },
  'harbor-quotas': {
    allowed:
      'JSON such as {"default":{"space":{"services":10}},"organizations":{"acme":{"ports":200,"spaces":{"dev":{"ports":null}}}}}, limits of services and ports, or unset',
    accepts: orUnset((value) => text(value) && parseQuotas(value) !== undefined),
    coerce: unset,
  },
  'harbor-data-plane': {
    allowed: 'auto, embedded or kernel',
    accepts: (value) => value === 'auto' || value === 'embedded' || value === 'kernel',
  },
  'harbor-log-level': {
    allowed: 'trace, debug, info, warn, error or fatal',
    accepts: (value) => text(value) && ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].includes(value),
  },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

for (const [name, format] of Object.entries(FORMATS) as [FormatName, Format][]) {
  convict.addFormat({
    name,
    validate(value: unknown) {
      if (!format.accepts(value)) throw new Error(`must be ${format.allowed}`);
    },
    coerce: (value: unknown) => (typeof value === 'string' && format.coerce ? format.coerce(value) : value),
  });
}

/** What a format allows, as a sentence. */
export function allowedBy(format: FormatName): string {
  return FORMATS[format].allowed;
}

/** Turns the text of an environment variable or a command line into a value; it may still be refused. */
export function coerceText(format: FormatName, value: string): unknown {
  const { coerce }: Format = FORMATS[format];
  return coerce ? coerce(value.trim()) : value.trim();
}

/** True where the value has the format. */
export function accepts(format: FormatName, value: unknown): boolean {
  return FORMATS[format].accepts(value);
}
