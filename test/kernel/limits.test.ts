import { eventually } from '@harbor/testbed';
import t from 'tap';
import { inKernel, instance, noLab, stage } from './support/stage.js';

t.test('kernel plane - who is let in, over IPv4 and over IPv6', { skip: noLab }, async (t) => {
  const here = await stage(t);
  const { client, harbor: host, one, two } = here.lab;
  const { harbor } = here;

  for (const v6 of [false, true]) {
    const family = v6 ? 'IPv6' : 'IPv4';
    const front = v6 ? host.ipv6 : host.ipv4;
    const tail = v6 ? '6' : '4';

    await t.test(`max_connections over ${family} - as many as allowed, and not one more`, async (t) => {
      const few = await harbor.create(`few${tail}`, { max_connections: 3 });
      await instance(here, few, one, 'a', { v6, index: 0 });
      await instance(here, few, two, 'b', { v6, index: 1 });
      await inKernel(here, `tcp/${few.port}`, 2);
      const open: number[] = [];
      for (let each = 0; each < 3; each++) open.push((await client.open(few.port, front)).handle);
      for (let each = 0; each < 3; each++)
        t.equal(await client.greeting(few.port, front), 'ECONNREFUSED', 'one more is refused by a reset');
      for (const handle of open) t.equal(await client.exchange(handle, 'still'), 'still', 'those in stay');
      await instance(here, few, two, 'c', { v6, index: 2 });
      await inKernel(here, `tcp/${few.port}`, 3);
      t.equal(await client.greeting(few.port, front), 'ECONNREFUSED', 'a change of backends forgets nobody');
      await client.close(open.pop() ?? 0);
      await eventually('the place to be free', async () =>
        /^[abc]$/.test(await client.greeting(few.port, front)),
      );
      const { connections } = await harbor.explain(`few${tail}`);
      t.ok((connections.total ?? 0) >= 4);
      for (const handle of open) await client.close(handle);
    });

    await t.test(`deny and allow over ${family}`, async (t) => {
      const [third, second] = v6 ? ['fd77:3::/64', 'fd77:2::/64'] : ['10.77.3.0/24', '10.77.2.0/24'];
      const denies = await harbor.create(`denies${tail}`, { deny: [second] });
      await instance(here, denies, two, 'd', { v6 });
      const allows = await harbor.create(`allows${tail}`, { allow: [third] });
      await instance(here, allows, one, 'w', { v6 });
      await inKernel(here, `tcp/${denies.port}`, 1);
      await inKernel(here, `tcp/${allows.port}`, 1);
      t.equal(await client.greeting(denies.port, front), 'd');
      t.equal(await one.greeting(denies.port, front), 'ECONNRESET', 'denied');
      t.equal(await two.greeting(allows.port, front), 'w');
      t.equal(await client.greeting(allows.port, front), 'ECONNRESET', 'not allowed');
    });

    await t.test(`UDP over ${family}, and the client's address`, async (t) => {
      const game = await harbor.create(`game${tail}`, { protocol: 'udp' });
      await instance(here, game, one, 'u', { v6, udp: true });
      await inKernel(here, `udp/${game.port}`, 1);
      t.equal(await client.askUdp(game.port, 'x', front), 'u: x');
      const some = await harbor.create(`some${tail}`, { protocol: 'udp', max_connections: 2 });
      await instance(here, some, one, 's', { v6, udp: true });
      await inKernel(here, `udp/${some.port}`, 1);
      for (let each = 0; each < 2; each++)
        t.equal(await client.askUdp(some.port, 'x', front), 's: x', 'as many clients as allowed');
      t.equal(await client.askUdp(some.port, 'x', front, 10), 'nothing', 'and not one more');
      const kept = await harbor.create(`kept${tail}`, { preserve_client_ip: true });
      await instance(here, kept, one, 'k', { v6, namesClient: true });
      await inKernel(here, `tcp/${kept.port}`, 1);
      const seen = v6 ? client.ipv6 : client.ipv4;
      t.equal(await client.greeting(kept.port, front), `k ${seen}`, "the client's own is seen");
    });

    await t.test(`clients on the machine itself, over ${family}`, async (t) => {
      const local = await harbor.create(`local${tail}`);
      await instance(here, local, two, 'l', { v6 });
      await inKernel(here, `tcp/${local.port}`, 1);
      const before = (await harbor.explain(`local${tail}`)).listeners[0]?.bytes_out;
      for (const address of [front, v6 ? 'fd77:1::1' : '10.77.1.1'])
        t.equal(await host.greeting(local.port, address), 'l', address);
      const after = (await harbor.explain(`local${tail}`)).listeners[0];
      t.equal(after?.bytes_out, before, 'not through the relay');
      t.equal(after?.connections_total, 2);
      for (const address of ['127.0.0.1', '::1'])
        t.equal(await host.greeting(local.port, address), 'l', `${address} through the relay`);
    });
  }
});
