import { eventually, runCommand, TestHarbor } from '@harbor/testbed';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { runExample } from './support/example.js';

t.test('examples, TCP echo - what a client sends comes back, whole, after its end', async (t) => {
  const harbor = await TestHarbor.start(t);
  const { app, port } = await runExample(t, harbor, 'tcp-echo');

  await t.test('a line, as the README says it', async (t) => {
    const { stdout } = await runCommand('bash', ['-c', `echo hello | nc -N 127.0.0.1 ${port}`]);
    t.equal(stdout, 'hello\n');
  });

  await t.test('a megabyte of anything', async (t) => {
    const sent = randomBytes(1_024 * 1_024);
    t.ok(sent.equals(await echoed(port, sent)));
  });

  await t.test('an instance that is killed is not missed', async (t) => {
    const [line] = await app.said(/instance 0 starts, pid \d+/);
    process.kill(Number(/pid (\d+)/.exec(line ?? '')?.[1]), 'SIGKILL');
    await app.said(/instance 0 ended by SIGKILL/);
    for (const word of ['one', 'two', 'three']) {
      const heard = await eventually('an echo', () => echoed(port, Buffer.from(word)));
      t.equal(heard.toString(), word);
    }
  });
});

/** All that comes back until the server ends. */
function echoed(port: number, sent: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(sent);
  return buffer(socket);
}
