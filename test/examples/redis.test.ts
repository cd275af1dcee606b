import { eventually, runCommand, TestHarbor } from '@harbor/testbed';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { manifestOf, runExample } from './support/example.js';

t.test('examples, Redis - a database is reached through a port', async (t) => {
  const harbor = await TestHarbor.start(t);
  const { app, port } = await runExample(t, harbor, 'redis');
  const password = manifestOf('redis').env?.REDIS_PASSWORD ?? '';
  const cli = async (...args: string[]): Promise<string> => {
    const env = { PATH: process.env.PATH, REDISCLI_AUTH: password };
    return (await runCommand('redis-cli', ['-p', String(port), ...args], { env })).stdout.trim();
  };

  await t.test('redis-cli sets and gets', async (t) => {
    t.equal(await cli('SET', 'greeting', 'hello'), 'OK');
    t.equal(await cli('GET', 'greeting'), 'hello');
    const big = 'x'.repeat(100_000);
    await cli('SET', 'big', big);
    t.equal(await cli('GET', 'big'), big);
  });

  await t.test('commands that come together are answered together (RESP)', async (t) => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`AUTH ${password}\r\n`);
    socket.write('*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n'.repeat(3));
    socket.write('*1\r\n$4\r\nQUIT\r\n');
    t.equal(await text(socket), '+OK\r\n:1\r\n:2\r\n:3\r\n+OK\r\n');
  });

  await t.test('who subscribes hears what another connection publishes', async (t) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.setEncoding('utf8').on('data', (data) => (heard += String(data)));
    socket.write(`AUTH ${password}\r\nSUBSCRIBE news\r\n`);
    await eventually('the subscription', () => heard.includes('subscribe'));
    t.equal(await cli('PUBLISH', 'news', 'a port'), '1');
    await eventually('the news', () => heard.includes('$6\r\na port\r\n'));
    socket.destroy();
  });

  await t.test('nobody comes in without the password, which is in no command line', async (t) => {
    const { stdout } = await runCommand('redis-cli', ['-p', String(port), 'GET', 'greeting'], {
      env: { PATH: process.env.PATH },
    });
    t.match(stdout, /NOAUTH/);
    const { stdout: commands } = await runCommand('ps', ['-eo', 'args']);
    t.match(commands, /redis-server \*:/);
    t.notMatch(commands, password);
  });

  await t.test('it is started again after a crash, on the same port, empty', async (t) => {
    const [line] = await app.said(/instance 0 starts, pid \d+/);
    process.kill(Number(/pid (\d+)/.exec(line ?? '')?.[1]), 'SIGKILL');
    await app.said(/serves tcp/, 2);
    await eventually('an answer', async () => (await cli('PING')) === 'PONG');
    t.equal(await cli('EXISTS', 'greeting'), '0');
  });
});
