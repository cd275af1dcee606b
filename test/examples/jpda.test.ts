import { CHECKOUT, runCommand, TestHarbor, type Ended } from '@harbor/testbed';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { runExample } from './support/example.js';

const HANDSHAKE = 'JDWP-Handshake';

t.test('examples, JPDA - a debugger shakes hands through the port', async (t) => {
  const harbor = await TestHarbor.start(t);
  const { port } = await runExample(t, harbor, 'jpda');

  await t.test('the raw handshake, and VirtualMachine.Version', async (t) => {
    const socket = attach(port);
    // In three pieces: TCP keeps no messages apart.
    socket.write(HANDSHAKE.slice(0, 5));
    socket.write(HANDSHAKE.slice(5));
    socket.end(Buffer.from([0, 0, 0, 11, 0, 0, 0, 7, 0, 1, 1, 0, 0, 0, 11, 0, 0, 0, 8, 0, 1, 6]));
    const heard = await buffer(socket);
    t.equal(heard.toString('latin1', 0, 14), HANDSHAKE);
    const version = heard.subarray(14, 14 + heard.readUInt32BE(14));
    t.strictSame([...version.subarray(4, 11)], [0, 0, 0, 7, 0x80, 0, 0], 'the reply to packet 7, no error');
    t.match(version.toString(), /runs no Java/);
    const disposed = heard.subarray(14 + version.length);
    t.strictSame([...disposed], [0, 0, 0, 11, 0, 0, 0, 8, 0x80, 0, 0], 'the reply to packet 8 ends it');
  });

  await t.test('the debugger of the README prints what it is attached to', async (t) => {
    const { code, stdout } = await attached(port);
    t.equal(code, 0);
    t.match(stdout, /^A stand-in that runs no Java, behind a Harbor port\nNode\.js \d+\S+, JDWP 17\.0\n$/);
  });

  await t.test('a command it does not know gets an error, and the connection stays', async (t) => {
    const socket = attach(port);
    const suspend = [0, 0, 0, 11, 0, 0, 0, 1, 0, 1, 8];
    const dispose = [0, 0, 0, 11, 0, 0, 0, 2, 0, 1, 6];
    socket.end(Buffer.concat([Buffer.from(HANDSHAKE), Buffer.from([...suspend, ...dispose])]));
    const heard = (await buffer(socket)).subarray(14);
    t.strictSame([...heard.subarray(0, 11)], [0, 0, 0, 11, 0, 0, 0, 1, 0x80, 0, 99]);
    t.equal(heard.length, 22);
  });

  await t.test('who is no debugger is sent away', async (t) => {
    for (const text of ['GET / HTTP/1.1\r\n\r\n', `${HANDSHAKE}\0\0\0\x01.......`]) {
      const socket = attach(port);
      socket.write(text);
      const heard = await buffer(socket).catch((error: unknown) => Buffer.from(String(error)));
      t.notMatch(heard.toString('latin1').slice(14), /stand-in/);
    }
    t.equal((await attached(port)).code, 0, 'it waits for the next');
  });

  await t.test('without an instance the debugger is told at once', async (t) => {
    const { port: empty } = await harbor.create('nobody');
    const { code, stderr } = await attached(empty);
    t.equal(code, 1);
    t.match(stderr, /ECONNRESET|it ended the connection/);
  });
});

function attach(port: number): Socket {
  return connect({ port, host: '127.0.0.1', allowHalfOpen: true });
}

function attached(port: number): Promise<Ended> {
  const program = join(CHECKOUT, 'examples/jpda/attach.js');
  return runCommand(process.execPath, [program, '127.0.0.1', String(port)]);
}
