import { registerBackend } from '@harbor/client';
import {
  CHECKOUT,
  eventually,
  freePort,
  greeting,
  greetings,
  startCommand,
  tcpBackend,
  TestHarbor,
} from '@harbor/testbed';
import { once } from 'node:events';
import t from 'tap';

/** The client library through a whole Harbor: a program that no DEA started is an instance. */
t.test('client library - a program puts itself behind a port', async (t) => {
  const harbor = await TestHarbor.start(t, { env: { HARBOR_NODE_REGISTER_INTERVAL: '1' } });
  const nats = await harbor.natsUrl();
  const { id: service, port } = await harbor.create('web');

  await t.test('it serves, says who it is, and takes its leave', async (t) => {
    const { host, port: at } = await tcpBackend(t, 'mine');
    const facts = { instance: 'mine', app: 'demo', appName: 'demo', index: 3, tags: { zone: 'a' } };
    const registration = await registerBackend({ nats, service, host, port: at, ...facts });
    t.teardown(() => registration.close());
    const [backend] = await harbor.backends('web', 1);
    t.match(backend, { instance: 'mine', app_name: 'demo', index: 3, address: `${host}:${at}` });
    t.equal(await greeting(port), 'mine');
    await eventually('the interval of the node', () => registration.interval === 1);
    await registration.close();
    await harbor.backends('web', 0);
    await eventually('it to be left', async () => (await greeting(port)) === 'ECONNRESET');
  });

  await t.test('a restart of all of Harbor finds it again', async (t) => {
    const { host, port: at } = await tcpBackend(t, 'stays');
    const registration = await registerBackend({ nats, service, host, port: at, instance: 'stays' });
    t.teardown(() => registration.close());
    await harbor.backends('web', 1);
    await harbor.must('kato', 'restart');
    await harbor.backends('web', 1);
    t.equal(await greeting(port), 'stays');
  });

  await t.test('SIGTERM takes a program from its port, and ends it as ever', async (t) => {
    await harbor.backends('web', 0);
    const [one, two] = await Promise.all(
      ['one', 'two'].map(async (NAME) => {
        const LISTEN = String(await freePort());
        const child = startCommand(process.execPath, ['test/apps/client.js'], {
          cwd: CHECKOUT,
          env: { PATH: process.env.PATH, NATS_URL: nats, SERVICE: service, NAME, LISTEN },
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        t.teardown(() => child.kill('SIGKILL'));
        await once(child.stdout!, 'data');
        return child;
      }),
    );
    await harbor.backends('web', 2);
    t.strictSame((await greetings(port, 2)).sort(), ['one', 'two']);
    const ended = once(one!, 'exit');
    one!.kill('SIGTERM');
    t.strictSame(await ended, [null, 'SIGTERM']);
    await harbor.backends('web', 1);
    t.strictSame(await greetings(port, 2), ['two', 'two']);
    two!.kill('SIGTERM');
    await once(two!, 'exit');
    await harbor.backends('web', 0);
  });
});
