import { eventually } from '@harbor/testbed';
import t from 'tap';
import { inKernel, instance, noLab, stage } from './support/stage.js';

/** What an administrator, or iptables-nft, may have: a filter that drops and counts, and a masquerade. */
const FOREIGN = `
table ip filter {
  counter dropped { }
  counter passed { }
  chain FORWARD {
    type filter hook forward priority filter; policy accept;
    ip saddr 10.77.3.0/24 ct direction original counter name "dropped" drop
    ip daddr 10.77.2.2 counter name "passed"
  }
}
table ip nat {
  chain POSTROUTING {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.77.1.0/24 tcp dport 7 masquerade
  }
}
`;

t.test('kernel plane - beside the rules of somebody else', { skip: noLab }, async (t) => {
  const here = await stage(t);
  const { client, harbor: host, one, two } = here.lab;
  const { harbor } = here;
  await host.run('nft', FOREIGN);
  /** With handles, so that rules made anew show; without what is counted. */
  const foreign = async (): Promise<string> =>
    (await host.run('nft', '-s', '-a', 'list', 'table', 'ip', 'filter')) +
    (await host.run('nft', '-s', '-a', 'list', 'table', 'ip', 'nat'));
  const counted = async (name: string): Promise<number> =>
    Number(/packets (\d+)/.exec(await host.run('nft', 'list', 'counter', 'ip', 'filter', name))?.[1]);
  const before = await foreign();

  const web = await harbor.create('web');
  await instance(here, web, one, 'a');
  await inKernel(here, `tcp/${web.port}`, 1);
  t.equal(await foreign(), before, 'a service that is created touches nothing of theirs');

  t.equal(await client.greeting(web.port, host.ipv4), 'a');
  t.ok((await counted('passed')) > 0, 'what we forward goes through their filter');
  // A load of connections that are never answered would wait for long; one datagram says the same.
  const game = await harbor.create('game', { protocol: 'udp' });
  await instance(here, game, one, 'g', { udp: true });
  await inKernel(here, `udp/${game.port}`, 1);
  t.equal(await two.askUdp(game.port, 'x', host.ipv4, 10), 'nothing', 'whom they drop they drop');
  t.ok((await counted('dropped')) > 0);
  t.equal(await client.askUdp(game.port, 'x', host.ipv4), 'g: x');

  const echo = await one.tcpBackend('seven', { host: one.ipv4, port: 7, namesClient: true });
  t.equal(await client.greeting(7, one.ipv4), 'seven 10.77.2.1', 'their masquerade works');
  await one.close(echo.handle);
  const other = await one.tcpBackend('eight', { host: one.ipv4, port: 8, namesClient: true });
  t.equal(await client.greeting(8, one.ipv4), `eight ${client.ipv4}`, 'and what is nobody’s stays as it is');
  await one.close(other.handle);

  await harbor.must('kato', 'restart', 'harbor');
  await inKernel(here, `tcp/${web.port}`, 1);
  await harbor.must('harbor', 'delete-service', 'game');
  await inKernel(here, `udp/${game.port}`, 0);
  t.equal(await client.greeting(web.port, host.ipv4), 'a');
  await harbor.must('kato', 'stop', '--flush');
  t.equal(await foreign(), before, 'to the letter what it was, after all that');
  await harbor.must('kato', 'start');
  t.equal(await foreign(), before);
});

t.test('kernel plane - a port that somebody else holds is his', { skip: noLab }, async (t) => {
  const here = await stage(t);
  const { client, harbor: host, one } = here.lab;
  const { harbor } = here;
  const web = await harbor.create('web');
  await instance(here, web, one, 'ours');
  await inKernel(here, `tcp/${web.port}`, 1);
  await harbor.must('kato', 'stop', 'harbor', '--flush');
  const squatter = await host.tcpBackend('his', { host: '0.0.0.0', port: web.port });
  await harbor.must('kato', 'start', 'harbor');
  await harbor.logged('harbor_proxy_connector', ({ event }) => event === 'port_conflict');
  await inKernel(here, `tcp/${web.port}`, 0);
  t.equal(await client.greeting(web.port, host.ipv4), 'his');
  t.match(await harbor.explain('web'), { data_plane: 'embedded', conflict: { port: web.port } });
  await host.close(squatter.handle);
  await inKernel(here, `tcp/${web.port}`, 1);
  await eventually(
    'it to be ours again',
    async () => (await client.greeting(web.port, host.ipv4)) === 'ours',
  );
});
