// A debugger that only asks what it is attached to: node attach.js HOST PORT
import { connect } from 'node:net';
import { DISPOSE, HANDSHAKE, VERSION, commandPacket, listen, readValues } from './jdwp.js';

const [host, port] = process.argv.slice(2);
if (!port) {
  console.error('usage: node attach.js HOST PORT');
  process.exit(2);
}
const PATIENCE = 10_000;

const socket = connect(Number(port), host, () => socket.write(HANDSHAKE));
socket.setTimeout(PATIENCE, () => fail(`no answer within ${PATIENCE / 1000} s`));
socket.on('error', (error) => fail(error.message));
socket.on('close', () => fail('it ended the connection before it answered'));

listen(socket, {
  onHandshake: () => socket.write(commandPacket(1, VERSION)),
  onPacket: ({ id, isReply, error, data }) => {
    // A real machine also tells of events, as commands of its own.
    if (!isReply || id !== 1) return;
    if (error !== 0) fail(`it answered with error ${error}`);
    const [description, major, minor, version, name] = readValues(data, [
      'text',
      'number',
      'number',
      'text',
      'text',
    ]);
    console.log(`${description}\n${name} ${version}, JDWP ${major}.${minor}`);
    // Without it the machine would believe that the debugger was torn away.
    socket.end(commandPacket(2, DISPOSE));
    socket.removeAllListeners('close');
  },
});

function fail(why) {
  console.error(`${host}:${port}: ${why}`);
  process.exit(1);
}
