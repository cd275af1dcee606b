// What the server knows: the names of harbor.example, and what stands behind them.
import { CODES, encodeName, TYPES } from './message.js';

const ZONE = 'harbor.example';
const { instance_index: instance = 0 } = JSON.parse(process.env.VCAP_APPLICATION ?? '{}');

const NAMES = new Map([
  [ZONE, [ipv4('192.0.2.53'), ipv6('2001:db8::53'), text('a DNS server behind Harbor')]],
  [`www.${ZONE}`, [ipv4('192.0.2.80'), ipv4('192.0.2.81')]],
  [`instance.${ZONE}`, [text(`instance ${instance}`)]],
  // More than a datagram takes: who asks for it over UDP is told to come over TCP.
  [`long.${ZONE}`, Array.from({ length: 8 }, (_, at) => text(`${at}: ${'all work and no play '.repeat(8)}`))],
]);

/** What is to be answered to a query of message.js. */
export function resolve({ opcode, name, type }) {
  if (opcode !== 0) return { code: CODES.notImplemented };
  if (name === undefined) return { code: CODES.malformed };
  if (name !== ZONE && !name.endsWith(`.${ZONE}`)) return { code: CODES.refused };
  const known = NAMES.get(name);
  if (!known) return { code: CODES.noSuchName, authority: [startOfAuthority()] };
  const records = known.filter((record) => type === TYPES.ANY || record.type === type);
  return { code: CODES.ok, records, authority: records.length > 0 ? [] : [startOfAuthority()] };
}

function ipv4(address) {
  return { type: TYPES.A, data: Buffer.from(address.split('.').map(Number)) };
}

function ipv6(address) {
  const [front, back] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = Array(8 - front.length - back.length).fill('0');
  const words = [...front, ...zeros, ...back].map((word) => parseInt(word, 16));
  return { type: TYPES.AAAA, data: Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff])) };
}

/** Up to 255 bytes. */
function text(words) {
  return { type: TYPES.TXT, data: Buffer.concat([Buffer.from([words.length]), Buffer.from(words)]) };
}

/** RFC 2308: how long "there is no such thing" may be kept stands in its last number. */
function startOfAuthority() {
  const names = Buffer.concat([encodeName(`ns.${ZONE}`), encodeName(`hostmaster.${ZONE}`)]);
  const numbers = Buffer.alloc(20);
  [1, 3600, 600, 86_400, 60].forEach((number, at) => numbers.writeUInt32BE(number, at * 4));
  return { type: TYPES.SOA, owner: ZONE, data: Buffer.concat([names, numbers]) };
}
