import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** Ranges no backend can have: traffic to them reaches everybody or nobody. */
const UNREACHABLE = new Set(['unspecified', 'multicast', 'broadcast']);

/**
 * The canonical text of an IP address: IPv4 dotted, IPv6 compressed, an IPv4-mapped IPv6 address as the
 * IPv4 one it stands for. Undefined for anything else; short forms such as `127.1` are refused because
 * people and programs read them differently.
 */
export function canonicalIp(text: string): string | undefined {
  const wellFormed =
    ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(':') && ipaddr.IPv6.isValid(text));
  if (!wellFormed || text.includes('%')) return undefined;
  return ipaddr.process(text).toString();
}

/** An IP address that a backend can have, in canonical form. */
export const backendHost = z
  .string()
  .max(64)
  .transform((text, context) => {
    const ip = canonicalIp(text);
    if (ip !== undefined && !UNREACHABLE.has(ipaddr.parse(ip).range())) return ip;
    context.issues.push({
      code: 'custom',
      input: text,
      message: 'must be an IPv4 or IPv6 address that can be connected to',
    });
    return z.NEVER;
  });

/** A CIDR block or a single address, in canonical form: `10.0.0.0/8`, `2001:db8::/32`. */
export const cidr = z
  .string()
  .max(64)
  .transform((text, context) => {
    const block = canonicalCidr(text);
    if (block !== undefined) return block;
    context.issues.push({
      code: 'custom',
      input: text,
      message: 'must be an address or a CIDR block such as 192.0.2.0/24',
    });
    return z.NEVER;
  });

function canonicalCidr(text: string): string | undefined {
  const [host = '', prefix, ...rest] = text.split('/');
  const ip = canonicalIp(host);
  if (ip === undefined || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix)))
    return undefined;
  const family = ipaddr.parse(ip).kind();
  const bits = family === 'ipv4' ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (length > bits) return undefined;
  const type = family === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${type.networkAddressFromCIDR(`${ip}/${length}`).toString()}/${length}`;
}

/** A port number, 1…65535. */
export const portNumber = z.int({ error: 'must be a port number' }).min(1).max(65535);
