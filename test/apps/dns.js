// A DNS server of a few lines for the tests: every A question is answered with 192.0.2.53, over UDP and TCP.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const port = Number(process.env.STACKATO_HARBOR);

function answer(query) {
  let at = 12;
  while (query[at] !== 0) at += query[at] + 1;
  const question = query.subarray(12, at + 5);
  const header = Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 53]);
  return Buffer.concat([header, question, record]);
}

const udp = createSocket('udp4');
udp.on('message', (query, client) => udp.send(answer(query), client.port, client.address));
udp.bind(port);

createServer((socket) => {
  let heard = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    heard = Buffer.concat([heard, data]);
    if (heard.length < 2 || heard.length < 2 + heard.readUInt16BE(0)) return;
    const reply = answer(heard.subarray(2));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(reply.length);
    socket.end(Buffer.concat([length, reply]));
  });
}).listen(port);
