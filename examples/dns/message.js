// DNS messages as they go over the wire (RFC 1035 §4): one question in, answers out.

export const TYPES = { A: 1, SOA: 6, TXT: 16, AAAA: 28, ANY: 255 };
export const CODES = { ok: 0, malformed: 1, noSuchName: 3, notImplemented: 4, refused: 5 };

const HEADER = 12;
const INTERNET = 1;
/** How long others may keep an answer, s. */
const TTL = 60;
/** Where the question's name stands, as a pointer: so it is not written again for each answer (§4.1.4). */
const NAME_OF_QUESTION = Buffer.from([0xc0, HEADER]);

/**
 * What a query asks: { id, flags, opcode, name, type, question }, where question is its bytes. undefined for what
 * is no query at all; without a name where its question cannot be read.
 */
export function readQuery(message) {
  if (message.length < HEADER) return undefined;
  const [id, flags, questions] = [0, 2, 4].map((at) => message.readUInt16BE(at));
  // An answer to an answer would go back and forth for ever.
  if (flags & 0x8000) return undefined;
  const head = { id, flags, opcode: (flags >> 11) & 0xf };
  const labels = [];
  let at = HEADER;
  for (; message[at] > 0 && message[at] < 64; at += 1 + message[at])
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]));
  if (questions !== 1 || message[at] !== 0 || message.length < at + 5) return head;
  const [type, kind] = [at + 1, at + 3].map((place) => message.readUInt16BE(place));
  if (kind !== INTERNET) return head;
  return { ...head, name: labels.join('.').toLowerCase(), type, question: message.subarray(HEADER, at + 5) };
}

/** An answer. records and authority are lists of { type, data, owner? }; more than `most` bytes are cut to the head. */
export function writeAnswer({ id, flags, question }, { code, records = [], authority = [] }, most) {
  const body = Buffer.concat([...records, ...authority].map(writeRecord));
  const asked = question ?? Buffer.alloc(0);
  const cut = HEADER + asked.length + body.length > most;
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(id, 0);
  // QR (an answer), AA (we are the authority), TC (cut: ask again over TCP), and what was asked: opcode and RD.
  head.writeUInt16BE(0x8000 | 0x0400 | (cut ? 0x0200 : 0) | (flags & 0x7900) | code, 2);
  head.writeUInt16BE(question ? 1 : 0, 4);
  head.writeUInt16BE(cut ? 0 : records.length, 6);
  head.writeUInt16BE(cut ? 0 : authority.length, 8);
  return Buffer.concat([head, asked, cut ? Buffer.alloc(0) : body]);
}

function writeRecord({ type, data, owner }) {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(INTERNET, 2);
  head.writeUInt32BE(TTL, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner === undefined ? NAME_OF_QUESTION : encodeName(owner), head, data]);
}

/** A name as its labels, each with its length before it. */
export function encodeName(name) {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}
