import { eventually, greeting, isHeld, tcpBackend, TestDea, TestHarbor } from '@harbor/testbed';
import { componentAnnouncement, handle, nodeHandles } from '@harbor/wire';
import t from 'tap';

const TOKEN = 'token-of-the-contract';

/** Wire facts §1 and §2: the v1 gateway and the service node, as the whole Harbor is spoken to. */
t.test('v1 - the service gateway of a whole Harbor', async (t) => {
  const harbor = await TestHarbor.start(t, { ports: 6, env: { HARBOR_GATEWAY_TOKEN: TOKEN } });
  const gateway = `http://127.0.0.1:${harbor.env.HARBOR_GATEWAY_PORT ?? ''}`;
  const send = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${gateway}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-vcap-service-token': TOKEN },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, json: await answer.json() };
  };
  const dea = await TestDea.start(t, harbor);

  await t.test('an instance of v1 listens, is seen by harbor services, and goes', async (t) => {
    const body = { unique_id: 'x', name: 'both-dns', plan: 'free', organization_guid: 'o', space_guid: 's' };
    const { status, json } = await send('POST', '/gateway/v1/configurations', body);
    const { service_id, credentials } = handle.parse(json);
    t.equal(status, 200);
    t.match(await harbor.services(), [
      { id: service_id, name: 'both-dns', protocol: 'both', port: credentials.port },
    ]);
    await eventually('the port to listen', () => isHeld(credentials.port, 'udp'));
    const options = { service_id, label: 'harbor-1.0', email: 'me', binding_options: {}, app_id: 'demo' };
    const bound = handle.parse(
      (await send('POST', `/gateway/v1/configurations/${service_id}/handles`, options)).json,
    );
    t.match(await harbor.services(), [{ bindings: ['demo'] }]);
    const unbind = { service_id, handle_id: bound.service_id, binding_options: {} };
    t.match(await send('DELETE', `/gateway/v1/configurations/x/handles/y`, unbind), { status: 200 });
    t.strictSame(await send('DELETE', `/gateway/v1/configurations/${service_id}`, {}), {
      status: 200,
      json: {},
    });
    t.strictSame(await harbor.services(), []);
  });

  await t.test('an instance of harbor create-service is deleted through v1', async (t) => {
    const { id } = await harbor.create('web');
    t.strictSame(await send('DELETE', `/gateway/v1/configurations/${id}`, {}), { status: 200, json: {} });
    t.strictSame(await harbor.services(), []);
  });

  await t.test('disabled, an instance serves nobody; enabled, it serves again', async (t) => {
    const { id, port } = await harbor.create('stay');
    const step = (action: string) =>
      send('POST', `/service/internal/v1/migration/harbor_node_1/${id}/${action}`, {});
    const backend = await tcpBackend(t, 'one');
    await dea.register(backend, { service: id });
    await harbor.backends('stay', 1);
    t.equal(await greeting(port), 'one');
    t.match(await step('disable'), { status: 200, json: true });
    await harbor.backends('stay', 0);
    await dea.register(backend, { service: id });
    // What is said after it is heard after it.
    const { id: another } = await harbor.create('another');
    await dea.register(await tcpBackend(t, 'two'), { service: another });
    await harbor.backends('another', 1);
    t.equal(await greeting(port), 'ECONNRESET');
    await harbor.must('harbor', 'delete-service', 'another');
    for (const action of ['check', 'import', 'update'])
      t.match(await step(action), { status: 200, json: true }, action);
    let asked = false;
    dea.nats.subscribe('harbor.start', { callback: () => (asked = true) });
    await dea.nats.flush();
    t.match(await step('enable'), { status: 200, json: true });
    await eventually('the DEAs to be asked to register anew', () => asked);
    await dea.register(backend, { service: id });
    await harbor.backends('stay', 1);
    t.equal(await greeting(port), 'one');
    t.strictSame((await send('GET', '/service/internal/v1/migration/harbor_node_1/instances')).json, [id]);
  });

  await t.test('gateway and node are found over NATS, and looked at over HTTP', async (t) => {
    const found = new Map<string, ReturnType<typeof componentAnnouncement.parse>>();
    dea.nats.subscribe('test.components', {
      callback: (_, message) => {
        const one = componentAnnouncement.parse(message.json());
        found.set(one.type, one);
      },
    });
    await dea.nats.flush();
    dea.nats.publish('vcap.component.discover', '', { reply: 'test.components' });
    await eventually('both to answer', () => found.size === 2);
    for (const type of ['HarboraaS-Provisioner', 'HarboraaS-Node']) {
      const { host, credentials } = found.get(type)!;
      const authorization = `Basic ${Buffer.from(credentials.join(':')).toString('base64')}`;
      t.equal(await (await fetch(`http://${host}/healthz`)).text(), 'ok');
      t.equal((await fetch(`http://${host}/varz`)).status, 401);
      const text = await (await fetch(`http://${host}/varz`, { headers: { authorization } })).text();
      t.match(JSON.parse(text), { type, uptime: /^0d:0h:\d+m:\d+s$/, mem: Number, cpu: Number });
      t.notOk(text.includes(credentials[1]), 'the password is masked');
    }
  });

  await t.test('a port that nobody knows is reported, and purged on call only', async (t) => {
    const wanted = JSON.stringify({ plan: 'free', instance_id: 'stray' });
    await dea.nats.request('HarboraaS.provision.harbor_node_1', wanted, { timeout: 30_000 });
    const status = async () => (await harbor.status()).ports.used;
    const before = await status();
    const reported: string[] = [];
    dea.nats.subscribe('HarboraaS.node_handles', {
      callback: (_, message) => reported.push(...nodeHandles.parse(message.json()).instances_list),
    });
    await dea.nats.flush();
    t.strictSame(await send('POST', '/service/internal/v1/check_orphan', {}), { status: 200, json: {} });
    await eventually('it to be reported', () => reported.includes('stray'));
    t.equal(await status(), before);
    const body = { orphan_instances: { harbor_node_1: ['stray'] }, orphan_bindings: {} };
    t.strictSame(await send('DELETE', '/service/internal/v1/purge_orphan', body), { status: 200, json: {} });
    await eventually('the port to be free', async () => (await status()) === (before ?? 0) - 1);
  });
});
