import { eventually } from '@harbor/testbed';
import t from 'tap';
import { inKernel, instance, noLab, stage } from './support/stage.js';

t.test('kernel plane - a service is updated where it stands', { skip: noLab }, async (t) => {
  const here = await stage(t);
  const { client, harbor: host, one, two } = here.lab;
  const { harbor } = here;
  const update = (name: string, ...args: string[]) => harbor.must('harbor', 'update-service', name, ...args);

  await t.test('who is denied may not stay, who is allowed goes on', async (t) => {
    const service = await harbor.create('rules');
    await instance(here, service, one, 'r');
    await inKernel(here, `tcp/${service.port}`, 1);
    const stays = await client.open(service.port, host.ipv4);
    const goes = await two.open(service.port, host.ipv4);
    await update('rules', '-c', `{"deny":["${two.ipv4}"]}`);
    await eventually('the denied one to end', async () =>
      two.exchange(goes.handle, 'x').then(
        (heard) => heard === 'closed',
        () => true,
      ),
    );
    t.equal(await client.exchange(stays.handle, 'still here'), 'still here');
    t.equal(await two.greeting(service.port, host.ipv4), 'ECONNRESET');
    await update('rules', '-c', '{"deny":null}');
    await eventually('it to be let in', async () => (await two.greeting(service.port, host.ipv4)) === 'r');
    t.equal(await client.exchange(stays.handle, 'and here'), 'and here');
  });

  await t.test('a transport comes to the number, and what is open goes on', async (t) => {
    const service = await harbor.create('grows');
    await instance(here, service, one, 'g');
    await inKernel(here, `tcp/${service.port}`, 1);
    const stays = await client.open(service.port, host.ipv4);
    await update('grows', '-p', 'both');
    await instance(here, service, one, 'u', { udp: true });
    await inKernel(here, `udp/${service.port}`, 1);
    t.equal(await client.askUdp(service.port, 'x', host.ipv4), 'u: x');
    t.equal(await client.exchange(stays.handle, 'still here'), 'still here');
  });

  await t.test('plane and preserve_client_ip hold for new connections', async (t) => {
    const service = await harbor.create('moves');
    await instance(here, service, one, 'm', { namesClient: true });
    await inKernel(here, `tcp/${service.port}`, 1);
    const stays = await client.open(service.port, host.ipv4);
    await update('moves', '-c', '{"preserve_client_ip":true}');
    await eventually(
      'the address to be kept',
      async () => (await client.greeting(service.port, host.ipv4)) === `m ${client.ipv4}`,
    );
    await update('moves', '-c', '{"preserve_client_ip":null,"plane":"embedded"}');
    await inKernel(here, `tcp/${service.port}`, 0);
    t.match(await client.greeting(service.port, host.ipv4), /^m /);
    t.equal(await client.exchange(stays.handle, 'still here'), 'still here');
  });
});
