import type { Socket } from 'node:net';

interface Remembered {
  readonly host: string;
  readonly lines: string;
}

const remembered = new WeakMap<object, Remembered>();

/**
 * The lines that tell the application who asked and how. A client speaks to this proxy directly, or through Harbor
 * alone, so whatever it says itself under these names is not passed on. A connection asks for one host as a rule: its lines are kept.
 */
export function forwardedLines(socket: Pick<Socket, 'remoteAddress'>, host: string): string {
  const kept = remembered.get(socket);
  if (kept?.host === host) return kept.lines;
  const lines = render(plain(socket.remoteAddress ?? ''), host);
  remembered.set(socket, { host, lines });
  return lines;
}

function render(address: string, host: string): string {
  const port = /:(\d{1,5})$/.exec(host)?.[1] ?? '443';
  const node = address.includes(':') ? `"[${address}]"` : address || 'unknown';
  const named = host === '' ? '' : `;host="${host.replaceAll(/["\\]/g, '')}"`;
  return (
    `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: https\r\n` +
    (host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`) +
    `X-Forwarded-Port: ${port}\r\nForwarded: for=${node}${named};proto=https\r\n`
  );
}

/** An IPv4 address as such where the socket is of both kinds. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
