import { eventually } from '@harbor/testbed';
import t from 'tap';
import { inKernel, instance, noLab, stage } from './support/stage.js';

t.test('harbor explain counts what the kernel forwards', { skip: noLab }, async (t) => {
  const here = await stage(t);
  const { client, harbor: host, one, two } = here.lab;
  const { harbor } = here;
  const web = await harbor.create('web', { protocol: 'both' });
  const registered = await instance(here, web, one, 'a', { protocol: 'tcp' });
  await inKernel(here, `tcp/${web.port}`, 1);
  const counts = async () => (await harbor.explain('web')).connections;

  const { handle } = await client.open(web.port, host.ipv4);
  await client.greetings(web.port, 4, host.ipv4);
  t.strictSame(await counts(), { open: 1, total: 5 }, 'those of the kernel, open ones apart');

  t.equal(await host.greeting(web.port, '127.0.0.1'), 'a');
  await eventually('the one through the relay to have ended', async () => (await counts()).open === 1);
  t.equal((await counts()).total, 6, 'and those of the relay with them');

  await harbor.must('kato', 'restart', 'harbor_proxy_connector');
  t.strictSame(await counts(), { open: 1, total: 5 }, 'the kernel counts on while the connector restarts');

  await here.say('harbor.unregister', registered.message);
  await inKernel(here, `tcp/${web.port}`, 0);
  t.equal((await counts()).total, 5, 'a rule that goes takes nothing with it');
  await here.say('harbor.register', registered.message);
  await inKernel(here, `tcp/${web.port}`, 1);
  await client.greeting(web.port, host.ipv4);
  t.strictSame(await counts(), { open: 1, total: 6 });
  await client.close(handle);
  await eventually('the open one to have ended', async () => (await counts()).open === 0);

  await instance(here, web, two, 'u', { udp: true });
  await inKernel(here, `udp/${web.port}`, 1);
  for (const text of ['1', '2', '3']) await client.askUdp(web.port, text, host.ipv4);
  const { listeners } = await harbor.explain('web');
  t.strictSame(
    listeners.map(({ protocol, connections_total }) => [protocol, connections_total]),
    [
      ['tcp', 6],
      ['udp', 3],
    ],
    'each flow of UDP once',
  );
});
