import { isHeld, TestHarbor } from '@harbor/testbed';
import { createServer } from 'node:net';
import t from 'tap';

/** Contract §3: what a service is given. */
t.test('services - a port, as it was asked for', async (t) => {
  const harbor = await TestHarbor.start(t, { ports: 14 });
  const { low, high } = harbor.range;

  await t.test('the first word of the name chooses the protocol, and just that listens', async (t) => {
    const expected = {
      'udp-debug-port': 'udp',
      both_dns: 'both',
      'multi-x': 'both',
      udp: 'udp',
      udpate: 'tcp',
      'my-udp': 'tcp',
      'web-https': 'tcp',
    };
    for (const [name, protocol] of Object.entries(expected)) {
      const service = await harbor.create(name);
      t.equal(service.protocol, protocol, name);
      t.equal(await isHeld(service.port, 'tcp'), protocol !== 'udp', `${name} on TCP`);
      t.equal(await isHeld(service.port, 'udp'), protocol !== 'tcp', `${name} on UDP`);
    }
  });

  await t.test('the credentials are exactly those of the contract', async (t) => {
    const service = await harbor.create('exact');
    t.strictSame(service.credentials, {
      hostname: '127.0.0.1',
      host: '127.0.0.1',
      port: service.port,
      name: service.id,
      node_id: 'harbor_node_1',
      int_port: 4107,
    });
    await harbor.must('kato', 'config', 'set', 'harbor_node', 'hostname_external', 'ports.example.com');
    const shown = JSON.parse(await harbor.must('harbor', 'service', 'exact', '--json')) as typeof service;
    t.equal(shown.credentials?.ext_hostname, 'ports.example.com', 'a change shows in those read afterwards');
    t.notOk('ext_host' in (shown.credentials ?? {}), 'what is not configured is not there');
    await harbor.must('kato', 'config', 'del', 'harbor_node', 'hostname_external');
  });

  await t.test('int_port counts up from 4100, unique among the services of the node', async (t) => {
    const numbers = (await harbor.services()).map(async ({ name }) => {
      const one = JSON.parse(await harbor.must('harbor', 'service', name, '--json')) as {
        credentials: { int_port: number };
      };
      return one.credentials.int_port;
    });
    t.strictSame((await Promise.all(numbers)).sort(), [4100, 4101, 4102, 4103, 4104, 4105, 4106, 4107]);
  });

  await t.test('a parameter goes before the name, and a port can be asked for', async (t) => {
    const taken = new Set((await harbor.services()).map(({ port }) => port));
    const port = Array.from({ length: 14 }, (_, at) => low + at).find((each) => !taken.has(each)) ?? 0;
    const service = await harbor.create('udp-but-tcp', { protocol: 'tcp', port });
    t.match(service, { protocol: 'tcp', port });

    const again = await harbor.harbor('create-service', 'harbor', 'again', '-c', JSON.stringify({ port }));
    t.equal(again.code, 1);
    t.match(again.stderr, /HARBOR_PORT_TAKEN/);
    const outside = await harbor.harbor('create-service', 'harbor', 'out', '-c', `{"port":${high + 1}}`);
    t.equal(outside.code, 1);
    t.match(outside.stderr, /HARBOR_PORT_OUT_OF_RANGE/);
    t.equal((await harbor.services()).length, 9, 'nothing is left half-made');
  });

  await t.test('parameters that are not allowed are refused by name, and change nothing', async (t) => {
    for (const [parameters, field] of [
      ['{"alow":["10.0.0.0/8"]}', /alow/],
      ['{"allow":["10.0.0.0/33"]}', /allow/],
      ['{"max_connections":-1}', /max_connections/],
      ['{"protocol":"sctp"}', /protocol/],
    ] as const) {
      const { code, stderr } = await harbor.harbor('create-service', 'harbor', 'bad', '-c', parameters);
      t.equal(code, 1);
      t.match(stderr, /HARBOR_REQUEST_INVALID/);
      t.match(stderr, field);
    }
    const { code } = await harbor.harbor('create-service', 'harbor', 'bad', '-c', 'no JSON');
    t.equal(code, 2, 'what is no JSON is wrong usage');
    t.equal((await harbor.services()).length, 9);
  });

  await t.test('a port that something else holds is skipped, and said so in the log', async (t) => {
    const taken = new Set((await harbor.services()).map(({ port }) => port));
    const free = Array.from({ length: 14 }, (_, at) => low + at).filter((each) => !taken.has(each));
    const held = free[0] ?? 0;
    const holder = createServer().listen(held);
    t.teardown(() => holder.close());
    for (let each = 1; each < free.length; each++) {
      const { port } = await harbor.create(`fill-${each}`);
      t.not(port, held);
      t.ok(port >= low && port <= high);
    }
    const full = await harbor.harbor('create-service', 'harbor', 'too-many');
    t.equal(full.code, 1, 'with the last free port held the range is full');
    t.match(full.stderr, /HARBOR_PORT_RANGE_FULL/);
    const line = await harbor.logged('harbor_proxy_connector', ({ port }) => port === held);
    t.match(line, { port: held, pid: process.pid });
    t.notOk(
      (await harbor.services()).some(({ name }) => name === 'too-many'),
      'nothing is left half-made',
    );
    const ports = (await harbor.services()).map(({ port }) => port);
    t.equal(new Set(ports).size, 13, 'no two services have one port');
  });

  await t.test('a deleted service gives its port back', async (t) => {
    const { port } = await harbor.create('fill-1').catch(() => ({ port: 0 }));
    t.equal(port, 0, 'a name is unique');
    const [first] = await harbor.services();
    await harbor.must('harbor', 'delete-service', first?.name ?? '');
    t.notOk(await isHeld(first?.port ?? 0, first?.protocol === 'udp' ? 'udp' : 'tcp'));
    const gone = await harbor.harbor('delete-service', first?.name ?? '');
    t.equal(gone.code, 1);
    t.match(gone.stderr, /HARBOR_SERVICE_NOT_FOUND/);
    t.equal((await harbor.harbor('delete-service', first?.name ?? '', '-f')).code, 0);
    const refused = await harbor.harbor(
      'create-service',
      'harbor',
      'x',
      '-c',
      `{"port":${first?.port ?? 0}}`,
    );
    t.match(refused.stderr, /HARBOR_PORT_COOLING/, 'another name has to wait');
    t.equal((await harbor.create(first?.name ?? '')).port, first?.port, 'its own gets it back');
    for (let each = 0; each < 5; each++) {
      await harbor.must('harbor', 'delete-service', first?.name ?? '');
      const again = await harbor.create(first?.name ?? '', { port: first?.port ?? 0 });
      t.equal(again.port, first?.port, 'a port just freed can be asked for at once');
    }
  });
});
