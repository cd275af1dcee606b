/** Fields whose values are never written, at the top of a line or one level down. */
const SECRET_FIELDS = [
  'password',
  'pass',
  'token',
  'authorization',
  'redis_password',
  'nats_password',
  'secrets',
];

/** Paths for pino's redaction. */
export const REDACTED_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/** Takes logins out of URLs: `redis://:secret@host` becomes `redis://…@host`. */
export function scrub(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s@/]+@/gi, '$1…@');
}
