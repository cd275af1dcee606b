import { backendId, type Backend } from '@harbor/core';
import { explainView, serviceView, servicesView, bindingsView, SERVICE_ID } from '@harbor/wire';
import t from 'tap';
import { FREE, harborContext, memoryGateway, provisionBody, TCP } from './support/fixture.js';

const HOME = { organization_guid: 'harbor', space_guid: 'default', plan_id: FREE.id };

async function withServices(...names: string[]) {
  const all = memoryGateway();
  for (const name of names)
    await all.call(
      'PUT',
      `/v2/service_instances/id-${name}`,
      provisionBody({ ...HOME, ...harborContext(name) }),
    );
  return all;
}

function backend(more: Partial<Backend> = {}): Backend {
  const address = { host: '10.0.0.9', port: 4100 };
  const who = { service: 'id-web', dea: 'dea', app: 'demo', instance: 'i0', index: 0 };
  return { ...address, ...who, transport: 'tcp', order: 1, since: 990_000, ...more };
}

t.test('api - services are listed by name, without credentials', async (t) => {
  const { call } = await withServices('web', 'both-dns', 'udp');
  const { json } = await call('GET', '/api/v1/services');
  const { services } = servicesView.parse(json);
  t.strictSame(
    services.map(({ name, protocol }) => [name, protocol]),
    [
      ['both-dns', 'both'],
      ['udp', 'udp'],
      ['web', 'tcp'],
    ],
  );
  t.notOk(services.some((one) => one.credentials));
});

t.test('api - a service is found by id and by name, with its credentials', async (t) => {
  const { call } = await withServices('web');
  await call('PUT', '/v2/service_instances/id-web/service_bindings/b', {
    ...{ service_id: SERVICE_ID, plan_id: FREE.id },
    app_guid: 'demo',
  });
  for (const what of ['web', 'id-web']) {
    const view = serviceView.parse((await call('GET', `/api/v1/services/${what}`)).json);
    t.match(view, { id: 'id-web', plan: 'free', state: 'ready', port: 35001, bindings: ['demo'] });
    t.match(view.credentials, { name: 'id-web', int_port: 4100 });
    t.equal(view.created_at, '1970-01-01T00:16:40.000Z');
  }
  t.match(await call('GET', '/api/v1/services/nothing'), {
    status: 404,
    json: { error: 'HARBOR_SERVICE_NOT_FOUND' },
  });
});

t.test('api - a name that several services have is refused with their ids', async (t) => {
  const { call } = memoryGateway();
  const context = { context: { platform: 'cloudfoundry', instance_name: 'web' } };
  for (const id of ['b', 'a']) await call('PUT', `/v2/service_instances/${id}`, provisionBody(context));
  t.match(await call('GET', '/api/v1/services/web'), { status: 400, json: { description: /a, b$/ } });
});

t.test('api - credentials show the addresses that the node has now', async (t) => {
  const { call, bus } = await withServices('web');
  const addresses = { host: '10.0.0.2', hostname: 'new', extHost: '192.0.2.1' };
  bus.deliver('HarboraaS.announce', { id: 'n1', plan: 'free', available_capacity: 1, addresses });
  const { json } = await call('GET', '/api/v1/services/web');
  t.match(json, { host: '10.0.0.2', ext_host: '192.0.2.1' });
  t.strictSame(json.credentials, {
    ...{ hostname: 'new', host: '10.0.0.2', port: 35001, name: 'id-web', node_id: 'n1', int_port: 4100 },
    ext_host: '192.0.2.1',
  });
});

t.test('api - the bindings of an application are what its environment is made of', async (t) => {
  const { call } = await withServices('web', 'dns');
  const bind = (service: string, app: string) =>
    call('PUT', `/v2/service_instances/id-${service}/service_bindings/${service}-${app}`, {
      ...{ service_id: SERVICE_ID, plan_id: FREE.id, bind_resource: { app_guid: app } },
    });
  for (const [service, app] of [
    ['web', 'demo'],
    ['dns', 'demo'],
    ['web', 'other'],
  ] as const)
    t.match(await bind(service, app), { status: 201 });
  const { bindings } = bindingsView.parse((await call('GET', '/api/v1/bindings?app=demo')).json);
  t.strictSame(
    bindings.map(({ service }) => service.name),
    ['dns', 'web'],
  );
  t.match(bindings[1], { id: 'web-demo', app: 'demo', service: { label: 'harbor', plan: 'free' } });
  t.equal(bindings[1]?.credentials.port, 35001);
  t.match(await call('GET', '/api/v1/bindings'), { json: { bindings: { length: 3 } } });
  t.match(await call('GET', '/api/v1/bindings?app=a&app=b'), { status: 400 });
});

t.test('api - explaining a port tells what node and connector know', async (t) => {
  const { call, bus } = await withServices('both-web');
  const lease = { transport: 'tcp', app: 'demo', app_name: null, instance: 'i0', index: 0, dea: 'dea' };
  const times = { since: 990_000, heard: 998_500 };
  const addresses = ['10.0.0.9:4100', '10.0.0.9:4101', '10.0.0.9:4102'];
  bus.answer('harbor.node.n1.backends', () => ({
    backends: addresses.map((address) => ({ ...lease, ...times, address })),
  }));
  const errors = { last_error: 'ECONNREFUSED', last_error_at: 999_000 };
  bus.answer('harbor.connector.n1.status', () => ({
    data_plane: 'embedded',
    listening: 1,
    conflicts: [
      {
        port: 35001,
        protocol: 'udp',
        service: 'id-both-web',
        pid: 7,
        command: 'nc',
        reason: 'EADDRINUSE',
        since: 1,
      },
    ],
    listeners: [
      {
        ...{
          key: 'tcp/35001',
          service: 'id-both-web',
          listening: true,
          connections_open: 2,
          connections_total: 9,
        },
        ...{ bytes_in: 10, bytes_out: 20, refused: 1 },
        backends: [
          { address: addresses[0], last_error: null, last_error_at: null, suspected_until: null },
          { address: addresses[1], ...errors, suspected_until: 1_001_000 },
          { address: addresses[2], ...errors, suspected_until: 999_500 },
        ],
      },
    ],
  }));
  for (const what of ['35001', 'both-web', 'id-both-web']) {
    const view = explainView.parse((await call('GET', `/api/v1/explain/${what}`)).json);
    t.match(view, { node_id: 'n1', data_plane: 'embedded', service: { name: 'both-web' } });
    t.strictSame(view.unavailable, []);
    t.match(view.listeners, [
      { protocol: 'tcp', listening: true, connections_open: 2, refused: 1 },
      { protocol: 'udp', listening: false, holder: { pid: 7, command: 'nc' } },
    ]);
    t.match(view.conflict, { port: 35001, protocol: 'udp', command: 'nc' });
    t.match(view.backends[0], { address: addresses[0], age_s: 10, heard_s: 1.5, health: 'ok' });
    t.strictSame(
      view.backends.map(({ health }) => health),
      ['ok', 'failing', 'suspect'],
    );
  }
  t.match(await call('GET', '/api/v1/explain/35999'), { status: 404 });
});

t.test('api - explaining goes on without the processes that do not answer, and says so', async (t) => {
  const { call, state } = await withServices('web');
  const backends = [
    backend({ port: 4101, order: 2, instance: 'i1' }),
    backend(),
    backend({ service: 'other' }),
  ];
  state.write(backends.map((value) => ({ kind: 'backend', id: backendId(value), value })));
  const view = explainView.parse((await call('GET', '/api/v1/explain/web')).json);
  t.match(view.unavailable, [
    { process: 'harbor_node', error: 'HARBOR_NODE_UNAVAILABLE' },
    { process: 'harbor_proxy_connector', error: 'HARBOR_CONNECTOR_UNAVAILABLE' },
  ]);
  t.match(view.listeners, [{ listening: null, connections_open: null }]);
  t.strictSame(view.connections, { open: null, total: null });
  t.match(view.backends, [
    { address: '10.0.0.9:4100', instance: 'i0', heard_s: null, health: 'unknown' },
    { address: '10.0.0.9:4101', instance: 'i1' },
  ]);
});

t.test('api - health and metrics are for anybody, varz and the rest for those with an account', async (t) => {
  const { call } = await withServices('web');
  const stranger = { authorization: '' };
  t.match(await call('GET', '/healthz', undefined, stranger), { status: 200, text: 'ok' });
  const metrics = await call('GET', '/metrics', undefined, stranger);
  t.match(metrics.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  t.match(metrics.text, /harbor_gateway_instances\{state="ready"\} 1/);
  t.match(metrics.text, /requests_total\{method="PUT",route="\/v2\/service_instances\/:id",status="201"\} 1/);
  t.match(metrics.text, /harbor_gateway_node_free_ports\{node="n1"\} 99/);
  for (const url of ['/varz', '/api/v1/services', '/api/v1/explain/1'])
    t.match(await call('GET', url, undefined, stranger), { status: 401 }, url);
  t.match(await call('GET', '/varz'), {
    status: 200,
    json: {
      name: 'harbor_gateway',
      instances: 1,
      nats_connected: true,
      nodes: [{ id: 'n1', available: 99 }],
    },
  });
});

t.test('api - the request log has method, path, status and time, and no credentials', async (t) => {
  const { call, log } = memoryGateway();
  await call('GET', `/v2/service_instances/a%0Ab?service_id=${TCP.id}`);
  const line = log.lines.find((one) => (one as { event?: string }).event === 'request');
  t.match(line, { method: 'GET', path: '/v2/service_instances/a%0Ab', status: 404, ms: Number });
  t.notMatch(JSON.stringify(log.lines), /pass:word|dXNlcjpwYXNz|authorization/i);
});
