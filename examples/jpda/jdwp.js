// The Java Debug Wire Protocol: a handshake, then packets with eleven bytes before what they carry.

/** Both sides begin with it, the debugger first. */
export const HANDSHAKE = Buffer.from('JDWP-Handshake');
/** The command set and command of VirtualMachine.Version, and of VirtualMachine.Dispose. */
export const VERSION = [1, 1];
export const DISPOSE = [1, 6];
export const NOT_IMPLEMENTED = 99;

const HEAD = 11;
const IS_REPLY = 0x80;

export function commandPacket(id, [set, command], data = Buffer.alloc(0)) {
  return packet(id, [0, set, command], data);
}

export function replyPacket(id, error, data = Buffer.alloc(0)) {
  return packet(id, [IS_REPLY, error >> 8, error & 0xff], data);
}

function packet(id, rest, data) {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(HEAD + data.length, 0);
  head.writeUInt32BE(id, 4);
  return Buffer.concat([head, Buffer.from(rest), data]);
}

/** A text with its length before it. */
export function writeText(text) {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The texts and numbers that a description like `['text', 'number']` finds in data. */
export function readValues(data, kinds) {
  let at = 0;
  return kinds.map((kind) => {
    const number = data.readUInt32BE(at);
    at += 4;
    if (kind === 'number') return number;
    at += number;
    return data.toString('utf8', at - number, at);
  });
}

/**
 * Calls `onHandshake` when the other side has shaken hands, then `onPacket` with each whole packet. TCP gives bytes
 * as they come: half a packet, or two. What is no JDWP ends the connection.
 */
export function listen(socket, { onHandshake, onPacket, longest = 1024 * 1024 }) {
  let heard = Buffer.alloc(0);
  let greeted = false;
  socket.on('data', (data) => {
    heard = Buffer.concat([heard, data]);
    if (!greeted) {
      const begun = heard.subarray(0, HANDSHAKE.length);
      if (!begun.equals(HANDSHAKE.subarray(0, begun.length))) return socket.destroy();
      if (begun.length < HANDSHAKE.length) return;
      greeted = true;
      heard = heard.subarray(HANDSHAKE.length);
      onHandshake();
    }
    while (heard.length >= HEAD) {
      const length = heard.readUInt32BE(0);
      if (length < HEAD || length > longest) return socket.destroy();
      if (heard.length < length) return;
      const [id, flags, error] = [heard.readUInt32BE(4), heard[8], heard.readUInt16BE(9)];
      const isReply = (flags & IS_REPLY) !== 0;
      onPacket({
        id,
        isReply,
        error,
        command: [...heard.subarray(9, HEAD)],
        data: heard.subarray(HEAD, length),
      });
      heard = heard.subarray(length);
    }
  });
}
