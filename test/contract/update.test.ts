import {
  askUdp,
  connected,
  eventually,
  exchange,
  greeting,
  isHeld,
  TestDea,
  TestHarbor,
  tcpBackend,
  udpBackend,
} from '@harbor/testbed';
import type { ServiceView } from '@harbor/wire';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t from 'tap';

/** `harbor update-service`: what changes, changes live. */
t.test('services - are updated where they stand', async (t) => {
  const harbor = await TestHarbor.start(t, { env: { HARBOR_PROXY_CONNECTOR_DATA_PLANE: 'embedded' } });
  const dea = await TestDea.start(t, harbor);
  const update = async (name: string, ...args: string[]): Promise<ServiceView> =>
    JSON.parse(await harbor.must('harbor', 'update-service', name, '--json', ...args)) as ServiceView;

  await t.test('rules change without touching connections that stay allowed', async (t) => {
    const service = await harbor.create('web');
    await dea.register(await tcpBackend(t, 'one'), { service: service.id });
    await harbor.backends('web', 1);
    const stays = await connected(service.port, '127.0.0.1');
    const goes = await connected(service.port, '::1');
    const reset = once(goes.socket, 'error');
    t.match(await update('web', '-c', '{"deny":["::1"],"max_connections":1}'), {
      port: service.port,
      parameters: { deny: ['::1/128'], max_connections: 1 },
    });
    t.match(await reset, [{ code: 'ECONNRESET' }], 'who is denied now may not stay');
    t.equal(await exchange(stays.socket, 'still here'), 'still here');
    t.equal(await greeting(service.port), 'ECONNRESET', 'one more is one too many now');
    const { parameters } = await update('web', '-c', '{"deny":null,"max_connections":null}');
    t.strictSame(parameters, {});
    await eventually('the new rules to hold', async () => (await greeting(service.port, '::1')) === 'one');
    t.equal(await exchange(stays.socket, 'and here'), 'and here');
    stays.socket.destroy();
  });

  await t.test('timeouts and the PROXY protocol change, too', async (t) => {
    const service = await harbor.create('tuned');
    const backend = await tcpBackend(t, 'tuned');
    await dea.register(backend, { service: service.id });
    await harbor.backends('tuned', 1);
    const { socket } = await connected(service.port);
    const ended = once(socket, 'error');
    await update('tuned', '-c', '{"idle_timeout":0.2}');
    t.match(await ended, [{ code: 'ECONNRESET' }], 'who is silent for longer is ended');
    await update('tuned', '-c', '{"idle_timeout":null,"proxy_protocol":"v1"}');
    await eventually('the header to come back with the echo', async () => {
      const { socket, greeted } = await connected(service.port);
      const heard = greeted + (await exchange(socket, 'x'));
      socket.destroy();
      return heard.includes('PROXY TCP4 127.0.0.1');
    });
  });

  await t.test('what the relay cannot do is refused and nothing changes', async (t) => {
    await harbor.create('plain', { max_connections: 5 });
    const { code, stderr } = await harbor.harbor(
      'update-service',
      'plain',
      '-c',
      '{"preserve_client_ip":true}',
    );
    t.equal(code, 1);
    t.match(stderr, /preserve_client_ip needs the kernel data plane/);
    const [view] = (await harbor.services()).filter(({ name }) => name === 'plain');
    t.match(view, { parameters: { max_connections: 5 }, state: 'ready' });
    t.match(await update('plain', '-c', '{"public":true,"plane":"embedded"}'), {
      parameters: { max_connections: 5, public: true, plane: 'embedded' },
    });
  });

  await t.test('the protocol changes on the number it has, both ways', async (t) => {
    const service = await harbor.create('grows');
    const tcp = await tcpBackend(t, 'tcp side');
    const udp = await udpBackend(t, 'udp side', { port: tcp.port });
    const said = { ...tcp, name: 'i' };
    await dea.register(said, { service: service.id });
    await harbor.backends('grows', 1);
    const { socket } = await connected(service.port);
    t.match(await update('grows', '-p', 'both'), { port: service.port, protocol: 'both', plan: 'both' });
    await dea.register(said, { service: service.id });
    await harbor.backends('grows', 2);
    t.equal(await askUdp(service.port, 'x'), `${udp.name}: x`);
    t.equal(await exchange(socket, 'still here'), 'still here');

    t.match(await update('grows', '-p', 'udp'), { port: service.port, protocol: 'udp' });
    await eventually('TCP to be given back', async () => !(await isHeld(service.port, 'tcp')));
    t.equal(await exchange(socket, 'may finish'), 'may finish');
    t.match(await harbor.backends('grows', 1), [{ transport: 'udp' }], 'its TCP backend is gone');
    t.equal(await askUdp(service.port, 'y'), `${udp.name}: y`);
    socket.destroy();
  });

  await t.test('a number held for the other transport is refused and nothing changes', async (t) => {
    const service = await harbor.create('narrow');
    const holder = createSocket('udp4');
    t.teardown(() => holder.close());
    await new Promise<void>((done) => holder.bind(service.port, '0.0.0.0', done));
    const { code, stderr } = await harbor.harbor('update-service', 'narrow', '-p', 'both');
    t.equal(code, 1);
    t.match(
      stderr,
      new RegExp(`port ${service.port} cannot be had for udp .*pid ${process.pid}.*nothing was changed`),
    );
    const [view] = (await harbor.services()).filter(({ name }) => name === 'narrow');
    t.match(view, { protocol: 'tcp', plan: 'free' });
    t.strictSame(view?.parameters, {});
  });

  await t.test('another port is refused, and what is not JSON is wrong usage', async (t) => {
    const service = await harbor.create('fixed');
    const other = await harbor.harbor('update-service', 'fixed', '-c', `{"port":${service.port + 1}}`);
    t.match(other, { code: 1, stderr: /port: cannot be changed by an update; it stays/ });
    t.match(await harbor.harbor('update-service', 'fixed', '-c', '{'), { code: 2 });
    t.match(await harbor.harbor('update-service', 'fixed'), { code: 2, stderr: /say what to change/ });
    t.match(await harbor.harbor('update-service', 'none', '-p', 'udp'), { code: 1, stderr: /no service/ });
  });

  await t.test('kill -9 in between leaves all of a change, or nothing of it', async (t) => {
    const service = await harbor.create('torn');
    // As it was made, and as each of the changes wants it.
    const whole = ['tcp undefined', 'both 11', 'tcp 12'];
    for (const process of ['harbor_gateway', 'harbor_node']) {
      for (const limit of [11, 12]) {
        const [, { code }] = await Promise.all([
          harbor.crash(process),
          harbor.harbor(
            'update-service',
            'torn',
            '-p',
            limit % 2 ? 'both' : 'tcp',
            '-c',
            `{"max_connections":${limit}}`,
          ),
        ]);
        const { service: seen, listeners } = await eventually('all to answer', async () => {
          const explained = await harbor.explain('torn');
          return explained.unavailable.length === 0 && explained;
        });
        const told = seen.parameters.max_connections === limit;
        if (code === 0) t.ok(told, 'what was acknowledged holds');
        const { protocol, parameters } = seen;
        t.ok(
          whole.includes(`${protocol} ${String(parameters.max_connections)}`),
          'no change was made in part',
        );
        t.equal(seen.port, service.port);
        t.equal(listeners.length, seen.protocol === 'both' ? 2 : 1);
        t.equal(seen.protocol, seen.plan === 'free' ? 'tcp' : seen.plan, 'the two records tell one story');
      }
    }
    const last = await update('torn', '-p', 'udp', '-c', '{"max_connections":null}');
    t.match(last, { protocol: 'udp', state: 'ready' }, 'and nothing is left in the way');
    t.strictSame(last.parameters, {});
  });
});
