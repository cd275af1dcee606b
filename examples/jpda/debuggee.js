// A stand-in for a Java virtual machine that waits for a debugger: it shakes hands and says its version.
import { createServer } from 'node:net';
import { DISPOSE, HANDSHAKE, NOT_IMPLEMENTED, VERSION, listen, replyPacket, writeText } from './jdwp.js';

const port = Number(process.env.STACKATO_HARBOR);
if (!port) {
  console.error('STACKATO_HARBOR is not set: run it with harbor run, as its README says');
  process.exit(1);
}

/** VirtualMachine.Version: a description, JDWP's version as two numbers, the machine's version and its name. */
const ABOUT = Buffer.concat([
  writeText('A stand-in that runs no Java, behind a Harbor port'),
  Buffer.from([0, 0, 0, 17, 0, 0, 0, 0]),
  writeText(process.versions.node),
  writeText('Node.js'),
]);
/** Who has not shaken hands after this long is no debugger, ms. */
const PATIENCE = 10_000;

const server = createServer((socket) => {
  socket.setTimeout(PATIENCE, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  listen(socket, {
    onHandshake: () => {
      // A debugger may sit at a breakpoint for hours.
      socket.setTimeout(0);
      socket.write(HANDSHAKE);
    },
    onPacket: ({ id, isReply, command }) => {
      if (isReply) return;
      if (is(command, VERSION)) socket.write(replyPacket(id, 0, ABOUT));
      else if (is(command, DISPOSE)) socket.end(replyPacket(id, 0));
      else socket.write(replyPacket(id, NOT_IMPLEMENTED));
    },
  });
});
server.listen(port, () => console.log(`waiting for a debugger on port ${port}`));

function is(command, [set, number]) {
  return command[0] === set && command[1] === number;
}
