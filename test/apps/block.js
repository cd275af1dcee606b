// An application with a block of ports: on each it says which of the block it is, over TCP and UDP.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [credentials] = Object.values(JSON.parse(process.env.STACKATO_SERVICES ?? '{}'));
const { instance_index: index = 0 } = JSON.parse(process.env.VCAP_APPLICATION ?? '{}');

credentials.ports.forEach((_port, offset) => {
  const port = credentials.int_port + offset;
  const name = `instance ${index}, port ${offset}`;
  createServer((socket) => socket.on('error', () => socket.destroy()).end(`${name}\n`)).listen(port);
  const udp = createSocket('udp4');
  udp.on('message', (message, client) => {
    udp.send(`${name}: ${message}`, client.port, client.address);
  });
  udp.bind(port);
});
