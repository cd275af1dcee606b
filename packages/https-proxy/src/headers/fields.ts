/** What a proxy does with a field; most pass as they are. */
export const enum Kind {
  pass,
  /** It concerns one connection only (RFC 9110, 7.6.1). */
  hop,
  connection,
  length,
  encoding,
  host,
  te,
  upgrade,
  /** Only a proxy may say it. */
  forwarded,
  cookie,
  trailer,
  expect,
}

const KINDS: Readonly<Record<string, Kind>> = {
  connection: Kind.connection,
  'proxy-connection': Kind.hop,
  'keep-alive': Kind.hop,
  'proxy-authenticate': Kind.hop,
  'proxy-authorization': Kind.hop,
  'http2-settings': Kind.hop,
  'transfer-encoding': Kind.encoding,
  'content-length': Kind.length,
  host: Kind.host,
  te: Kind.te,
  upgrade: Kind.upgrade,
  trailer: Kind.trailer,
  expect: Kind.expect,
  cookie: Kind.cookie,
  forwarded: Kind.forwarded,
  'x-real-ip': Kind.forwarded,
};

/** Names come again and again in the same letters; whoever invents new ones fills no memory. */
const known = new Map<string, Kind>();
const MOST_KNOWN = 2_000;
const LONGEST_KNOWN = 64;

/**
 * What to do with a field of this name. CGI and WSGI write `-` as `_`, so that `X_Forwarded_For` would pass for
 * what only a proxy may say.
 */
export function kindOf(name: string): Kind {
  const found = known.get(name);
  if (found !== undefined) return found;
  const lower = name.toLowerCase();
  const plain = lower.replaceAll('_', '-');
  // Frameworks trust more of them than anybody can list.
  const kind = plain.startsWith('x-forwarded-') ? Kind.forwarded : (KINDS[plain] ?? Kind.pass);
  const result = plain !== lower && kind !== Kind.forwarded ? Kind.pass : kind;
  if (known.size < MOST_KNOWN && name.length <= LONGEST_KNOWN) known.set(name, result);
  return result;
}

/** The names that a Connection field lists, in lower case; undefined where there is nothing to remove. */
export function listedIn(value: string): string[] | undefined {
  if (value === 'keep-alive' || value === 'close' || value === 'Upgrade') return undefined;
  const names = value
    .toLowerCase()
    .split(',')
    .map((each) => each.trim());
  const listed = names.filter((each) => !['', 'keep-alive', 'close', 'upgrade'].includes(each));
  return listed.length > 0 ? listed : undefined;
}

/** True when a Connection field says so. */
export function says(value: string, word: string): boolean {
  return value
    .toLowerCase()
    .split(',')
    .some((each) => each.trim() === word);
}

/** Takes the fields with these names out of a list of names and values. */
export function without(fields: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? '';
    if (!names.includes(name.toLowerCase())) kept.push(name, fields[at + 1] ?? '');
  }
  return kept;
}

/** Names and values as lines. */
export function linesOf(fields: readonly string[]): string {
  let text = '';
  for (let at = 0; at < fields.length; at += 2) text += `${fields[at] ?? ''}: ${fields[at + 1] ?? ''}\r\n`;
  return text;
}

/** Trailers that may pass: what frames, routes or authenticates a message may not come late (RFC 9110, 6.5.1). */
export function trailersOf(fields: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? '';
    if (kindOf(name) === Kind.pass && !/^(?:authorization|set-cookie|content-|:)/i.test(name))
      kept.push(name, fields[at + 1] ?? '');
  }
  return kept;
}
