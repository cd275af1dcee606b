import { isIPv6 } from 'node:net';

/** The two ends of what the client opened. Addresses as plainAddress() gives them. */
export interface Endpoints {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** What version 2 begins with. */
export const SIGNATURE = Buffer.from([
  0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
]);
/** Version 2, and the command that the addresses are those of the client. */
export const VERSION_2_PROXY = 0x21;

/** Version 1, a line of text (HAProxy's proxy-protocol.txt, section 2.1). */
export function headerV1({ source, sourcePort, destination, destinationPort }: Endpoints): Buffer {
  const family = isIPv6(source) ? 'TCP6' : 'TCP4';
  return Buffer.from(
    `PROXY ${family} ${source} ${destination} ${sourcePort} ${destinationPort}\r\n`,
    'latin1',
  );
}

/** Version 2, binary (section 2.2); for UDP it stands in front of every datagram. */
export function headerV2(ends: Endpoints, transport: 'tcp' | 'udp'): Buffer {
  const six = isIPv6(ends.source);
  const addresses = Buffer.concat([packAddress(ends.source), packAddress(ends.destination)]);
  const head = Buffer.alloc(4);
  head[0] = VERSION_2_PROXY;
  head[1] = (six ? 0x20 : 0x10) | (transport === 'tcp' ? 0x01 : 0x02);
  head.writeUInt16BE(addresses.length + 4, 2);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(ends.sourcePort, 0);
  ports.writeUInt16BE(ends.destinationPort, 2);
  return Buffer.concat([SIGNATURE, head, addresses, ports]);
}

function packAddress(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  const packed = Buffer.alloc(16);
  [...left, ...zeros, ...right].forEach((group, at) => packed.writeUInt16BE(group, at * 2));
  return packed;
}
