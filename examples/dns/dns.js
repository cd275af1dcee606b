// A DNS server for one zone, over UDP and TCP on the same number: that is what a both- port is for.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { readQuery, writeAnswer } from './message.js';
import { resolve } from './zone.js';

const port = Number(process.env.STACKATO_HARBOR);
if (!port) {
  console.error('STACKATO_HARBOR is not set: run it with harbor run, as its README says');
  process.exit(1);
}

/** The longest answers, bytes (RFC 1035 §4.2). */
const MOST_UDP = 512;
const MOST_TCP = 65_535;
/** A connection that asks nothing for this long is ended, ms. */
const SILENCE = 10_000;

/** The answer to a message; undefined where it deserves none. */
function answer(message, most) {
  const query = readQuery(message);
  return query && writeAnswer(query, resolve(query), most);
}

const udp = createSocket('udp4', (message, client) => {
  const reply = answer(message, MOST_UDP);
  // Back to where the question came from: Harbor knows which client that is.
  if (reply) udp.send(reply, client.port, client.address);
});
udp.on('error', (error) => console.error(`UDP: ${error.message}`));
udp.bind(port, () => console.log(`DNS over UDP on port ${port}`));

const tcp = createServer((socket) => {
  let heard = Buffer.alloc(0);
  socket.setTimeout(SILENCE, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    // TCP keeps no messages apart, so each has its length before it; several may come at once, or half a one.
    heard = Buffer.concat([heard, data]);
    while (heard.length >= 2 && heard.length >= 2 + heard.readUInt16BE(0)) {
      const end = 2 + heard.readUInt16BE(0);
      const reply = answer(heard.subarray(2, end), MOST_TCP);
      heard = heard.subarray(end);
      if (!reply) return socket.destroy();
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([length, reply]));
    }
  });
});
tcp.listen(port, () => console.log(`DNS over TCP on port ${port}`));
