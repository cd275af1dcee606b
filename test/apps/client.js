// A program that puts itself behind a port with the client library, as its README shows.
import { registerBackend } from '@harbor/client';
import { createServer } from 'node:net';

const { NATS_URL, SERVICE, NAME } = process.env;
const server = createServer((socket) => socket.on('error', () => socket.destroy()).write(`${NAME}\n`));
server.listen(Number(process.env.LISTEN), '127.0.0.1', async () => {
  const { port } = server.address();
  await registerBackend({
    nats: NATS_URL,
    service: SERVICE,
    host: '127.0.0.1',
    port,
    instance: NAME,
    closeOn: ['SIGTERM'],
  });
  console.log('registered');
});
