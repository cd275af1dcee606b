/**
 * Listens and says NAME and the client's port to each who comes, and then nothing more: arguments are a host
 * and NAME=PORT for each listener. The client's port tells who forwarded: the kernel leaves it as it is.
 */
import { createServer } from 'node:net';

const [host = '127.0.0.1', ...listeners] = process.argv.slice(2);
for (const each of listeners) {
  const [name = '', port] = each.split('=');
  createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(`${name} ${socket.remotePort ?? 0}\n`);
    socket.resume();
  }).listen({ host, port: Number(port), backlog: 4_096 });
}
