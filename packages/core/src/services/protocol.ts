/** What a service serves on its port number. */
export type Protocol = 'tcp' | 'udp' | 'both';

/** What a single socket speaks. */
export type Transport = 'tcp' | 'udp';

const WORDS = /[-_]/;

/**
 * The protocol an instance's name asks for: its first word, words being set off by `-` or `_`.
 * `udp` is UDP, `both` and `multi` are TCP and UDP on one number, anything else is TCP.
 */
export function protocolOfName(name: string): Protocol {
  const first = name.split(WORDS)[0];
  if (first === 'udp') return 'udp';
  return first === 'both' || first === 'multi' ? 'both' : 'tcp';
}

/** True when the name's last word is `https`: an HTTPS proxy stands in the app's container. */
export function isHttpsName(name: string): boolean {
  return name.split(WORDS).at(-1) === 'https';
}

/** True when `https` is one of the name's words: with a certificate of its own, it gets the proxy, too. */
export function mentionsHttps(name: string): boolean {
  return name.split(WORDS).includes('https');
}

/** The sockets a protocol needs, TCP first. */
export function transportsOf(protocol: Protocol): readonly Transport[] {
  return protocol === 'both' ? ['tcp', 'udp'] : [protocol];
}
