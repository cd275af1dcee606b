import {
  askUdp,
  freeRange,
  greeting,
  isHeld,
  tcpBackend,
  TestDea,
  TestHarbor,
  udpBackend,
} from '@harbor/testbed';
import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';

/** A block: contiguous ports, one service; port i leads to the port i above the one an instance registers. */
t.test('port blocks - several contiguous ports for one service', async (t) => {
  const harbor = await TestHarbor.start(t, { ports: 12 });
  const { low, high } = harbor.range;
  const whole = t;
  const rtp = await harbor.create('both-rtp', { ports: 4, port: low + 2 });
  const ports = [0, 1, 2, 3].map((each) => rtp.port + each);

  await t.test('the credentials name all of them, and every one listens', async (t) => {
    t.equal(rtp.port, low + 2);
    t.strictSame(rtp.credentials, {
      hostname: '127.0.0.1',
      host: '127.0.0.1',
      port: rtp.port,
      name: rtp.id,
      node_id: 'harbor_node_1',
      int_port: 4100,
      ports: ports.map(String),
    });
    for (const port of ports)
      for (const transport of ['tcp', 'udp'] as const) t.ok(await isHeld(port, transport));
    t.notOk(await isHeld(low + 6, 'tcp'));
    const next = await harbor.create('web', { port: low });
    t.equal(next.credentials?.int_port, 4104, 'its int_ports are all reserved');
    t.notOk('ports' in (next.credentials ?? {}), 'nobody else sees the extra field');
    const explained = await harbor.explain(rtp.port + 3);
    t.equal(explained.service.name, 'both-rtp');
    t.equal(explained.listeners.length, 8);
  });

  await t.test('each port of it is forwarded to its own port of the instance, TCP and UDP', async (t) => {
    const { low: base } = await freeRange(ports.length);
    const dea = await TestDea.start(whole, harbor);
    for (const [offset] of ports.entries()) {
      await tcpBackend(whole, `tcp${offset}`, { port: base + offset });
      await udpBackend(whole, `udp${offset}`, { port: base + offset });
    }
    await dea.register({ name: 'one', host: '127.0.0.1', port: base }, { service: rtp.id });
    await harbor.backends('both-rtp', 2);
    for (const [offset, port] of ports.entries()) {
      t.equal(await greeting(port), `tcp${offset}`);
      t.equal(await askUdp(port, 'hello'), `udp${offset}: hello`);
    }
  });

  await t.test('a port in the middle that something else holds moves the whole block', async (t) => {
    const holder = createServer().listen(low + 8);
    t.teardown(() => holder.close());
    await once(holder, 'listening');
    const three = await harbor.create('three', { ports: 3 });
    t.equal(three.port, low + 9, 'behind it is the only place for three');
    const more = ['create-service', 'harbor', 'three-more', '-c', '{"ports":3}'];
    t.match(await harbor.harbor(...more), { code: 1, stderr: /no 3 contiguous ports of .* are free/ });
    for (const tried of [low + 6, low + 7])
      t.notOk(await isHeld(tried, 'tcp'), 'nothing of what was tried stays bound');
  });

  await t.test('what cannot be is refused, and changes nothing', async (t) => {
    const before = (await harbor.services()).length;
    const refused = [
      ['{"ports":1}', /ports: must be at least 2/],
      ['{"ports":101}', /ports: must be at most 100/],
      ['{"ports":"4"}', /ports: must be a number/],
      [`{"ports":2,"port":${high}}`, /HARBOR_PORT_OUT_OF_RANGE/],
      [`{"ports":2,"port":${low + 1}}`, /HARBOR_PORT_TAKEN/],
      ['{"ports":12}', /HARBOR_PORT_RANGE_FULL/],
    ] as const;
    for (const [parameters, why] of refused) {
      const { code, stderr } = await harbor.harbor('create-service', 'harbor', 'bad', '-c', parameters);
      t.equal(code, 1);
      t.match(stderr.replaceAll('\n', ' '), why);
    }
    t.equal((await harbor.services()).length, before);
  });

  await t.test('after a crash every port of it is there again, and deleted none', async (t) => {
    await harbor.crash('harbor_proxy_connector');
    for (const port of ports) t.match(await greeting(port), /^tcp\d$/);
    await harbor.must('harbor', 'delete-service', 'both-rtp');
    for (const port of ports) t.notOk(await isHeld(port, 'tcp'));
  });
});
