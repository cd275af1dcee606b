// The echo service of RFC 862: whatever a client sends comes back, byte by byte, until it has nothing more to say.
import { createServer } from 'node:net';

const port = Number(process.env.STACKATO_HARBOR);
if (!port) {
  console.error('STACKATO_HARBOR is not set: run it with harbor run, as its README says');
  process.exit(1);
}

// allowHalfOpen: a client that has ended its side still gets the rest of what it sent.
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  // pipe reads no faster than the client takes its echo back, and ends our side after the client's.
  socket.pipe(socket);
});
server.listen(port, () => console.log(`echo on port ${port}`));
