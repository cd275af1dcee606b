import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { plainAddress } from '../plain-address.js';
import { SIGNATURE, VERSION_2_PROXY, type Endpoints } from './write.js';

/** What the first bytes of a connection are. */
export type HeaderRead =
  /** So far a header, and not yet the whole of it. */
  | { readonly kind: 'more' }
  /** No header, or a broken one. */
  | { readonly kind: 'bad'; readonly reason: string }
  /** The header takes up `size` bytes; without `ends` (LOCAL, UNKNOWN) the connection speaks for itself. */
  | { readonly kind: 'whole'; readonly size: number; readonly ends?: Endpoints };

/** The longest line of version 1, with its end, bytes (section 2.1). */
const LONGEST_V1 = 107;
/** Signature, command, family and length. */
const FIXED_V2 = 16;
/** The addresses of version 2 and all that may follow them, bytes: a few hundred is what others add. */
const LONGEST_V2 = 4_096;
const VERSION_2_LOCAL = VERSION_2_PROXY - 1;
const BEGINS_V1 = Buffer.from('PROXY ', 'latin1');

const MORE: HeaderRead = { kind: 'more' };
const bad = (reason: string): HeaderRead => ({ kind: 'bad', reason });

/**
 * Reads a PROXY protocol header of version 1 or 2 at the beginning of `bytes` (HAProxy's proxy-protocol.txt). It
 * asks for more for as long as what is there can become one, up to 4 KiB.
 */
export function readHeader(bytes: Buffer): HeaderRead {
  if (begins(bytes, SIGNATURE)) return readV2(bytes);
  if (begins(bytes, BEGINS_V1)) return readV1(bytes);
  return bad('no PROXY protocol header comes first');
}

/** True while nothing speaks against it. */
function begins(bytes: Buffer, wanted: Buffer): boolean {
  const size = Math.min(bytes.length, wanted.length);
  return bytes.compare(wanted, 0, size, 0, size) === 0;
}

function readV1(bytes: Buffer): HeaderRead {
  const end = bytes.subarray(0, LONGEST_V1).indexOf('\r\n');
  if (end < 0) return bytes.length < LONGEST_V1 ? MORE : bad('a PROXY line that does not end');
  const size = end + 2;
  const [, family, ...words] = bytes.toString('latin1', 0, end).split(' ');
  // Whatever follows is to be ignored.
  if (family === 'UNKNOWN') return { kind: 'whole', size };
  const [source = '', destination = '', ...ports] = words;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : () => false;
  const [sourcePort, destinationPort] = ports.map(portOf);
  if (!isAddress(source) || !isAddress(destination) || ports.length !== 2)
    return bad('a PROXY line without two addresses and two ports');
  if (sourcePort === undefined || destinationPort === undefined)
    return bad('a PROXY line with a port that is none');
  const ends = { source: plain(source), sourcePort, destination: plain(destination), destinationPort };
  return { kind: 'whole', size, ends };
}

function readV2(bytes: Buffer): HeaderRead {
  if (bytes.length < FIXED_V2) return MORE;
  const [command = 0, family = 0] = bytes.subarray(SIGNATURE.length);
  const length = bytes.readUInt16BE(FIXED_V2 - 2);
  if (command !== VERSION_2_PROXY && command !== VERSION_2_LOCAL)
    return bad('a PROXY header of no version and command that there is');
  if (family >> 4 > 3 || (family & 0x0f) > 2) return bad('a PROXY header of no family that there is');
  if (length > LONGEST_V2 - FIXED_V2) return bad('a PROXY header that is too long');
  const size = FIXED_V2 + length;
  if (bytes.length < size) return MORE;
  // Of no family that has addresses (AF_UNSPEC), or of one whose addresses are paths.
  if (command === VERSION_2_LOCAL || family >> 4 === 0 || family >> 4 === 3) return { kind: 'whole', size };
  const width = family >> 4 === 1 ? 4 : 16;
  if (length < 2 * width + 4) return bad('a PROXY header that is shorter than its addresses');
  const unpack = (at: number): string => unpackAddress(bytes.subarray(FIXED_V2 + at, FIXED_V2 + at + width));
  const ends = {
    source: unpack(0),
    sourcePort: bytes.readUInt16BE(FIXED_V2 + 2 * width),
    destination: unpack(width),
    destinationPort: bytes.readUInt16BE(FIXED_V2 + 2 * width + 2),
  };
  return { kind: 'whole', size, ends };
}

function unpackAddress(packed: Buffer): string {
  if (packed.length === 4) return packed.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => packed.readUInt16BE(at * 2).toString(16));
  return plain(groups.join(':'));
}

/** One way to write each address, whoever wrote it (RFC 5952). */
function plain(address: string): string {
  if (isIPv4(address)) return address;
  return plainAddress(new SocketAddress({ address, family: 'ipv6' }).address);
}

/** A zone (`%eth0`) means nothing on another machine. */
function isPlainIPv6(address: string): boolean {
  return isIPv6(address) && !address.includes('%');
}

function portOf(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}
