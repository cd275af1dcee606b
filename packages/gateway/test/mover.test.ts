import { credentialsOf, type Service } from '@harbor/core';
import t from 'tap';
import { credentialsFor, instanceRecord, memoryGateway } from './support/fixture.js';

const SERVICE: Service = {
  ...{ id: 'web', name: 'web', node: 'n1', port: 35_009, intPort: 4_100 },
  ...{ protocol: 'tcp', plan: 'free', parameters: {}, createdAt: 0 },
};

/** A service on n1, and n2, whose connector can bind everything, to move it to. */
function stage() {
  const all = memoryGateway();
  all.announce('n2');
  const credentials = credentialsFor('web', SERVICE.port, 'n1');
  const value = instanceRecord('web', { name: 'web', state: 'ready', node: 'n1', credentials });
  all.state.write([
    { kind: 'instance', id: 'web', value },
    { kind: 'service', id: 'web', value: SERVICE },
  ]);
  for (const step of [
    'disable_instance.n1',
    'enable_instance.n1',
    'import_instance.n2',
    'enable_instance.n2',
  ])
    all.bus.answer(`HarboraaS.${step}`, () => ({ success: true }));
  const host = { host: '10.0.0.2', hostname: 'two' };
  all.bus.answer('HarboraaS.update_instance.n2', () => [
    { service_id: 'web', credentials: credentialsOf({ ...SERVICE, node: 'n2' }, host) },
  ]);
  all.bus.answer('harbor.connector.n2.reserve', () => ({ held: SERVICE.port, skipped: [] }));
  all.bus.answer('harbor.connector.n2.release', () => ({}));
  const move = async (body: object = {}) => {
    const answer = await all.gateway.server.inject({
      method: 'POST',
      url: '/api/v1/nodes/n1/services/web/move',
      headers: { authorization: `Basic ${Buffer.from('user:pass:word').toString('base64')}` },
      body: { to: 'n2', ...body },
    });
    return { status: answer.statusCode, json: answer.json<object>() };
  };
  const steps = () => all.bus.asked.map(({ subject }) => subject).filter((one) => one.includes('_instance.'));
  return { ...all, move, steps };
}

t.test('move - it goes step by step, and counts as moved at the last', async (t) => {
  const { move, steps, state } = stage();
  t.match(await move({ dry_run: true }), { status: 200, json: { moved: false, error: null } });
  t.strictSame(steps(), [], 'a dry run changes nothing');
  t.match(await move(), { status: 200, json: { moved: true, port: SERVICE.port } });
  t.strictSame(
    steps().map((one) => one.replace('HarboraaS.', '')),
    ['disable_instance.n1', 'import_instance.n2', 'enable_instance.n2', 'update_instance.n2'],
  );
  t.match(state.replica.get('instance', 'web'), { node: 'n2' });
});

t.test('move - a number that is taken there leaves everything as it is', async (t) => {
  const { move, steps, bus, state } = stage();
  bus.answer('harbor.connector.n2.reserve', () => ({
    held: null,
    skipped: [{ port: SERVICE.port, reason: 'held by pid 7' }],
  }));
  t.match(await move(), { json: { moved: false, error: 'HARBOR_PORT_TAKEN', reason: /held by pid 7/ } });
  state.write([{ kind: 'service', id: 'dns', value: { ...SERVICE, id: 'dns', name: 'dns', node: 'n2' } }]);
  t.match(await move(), { json: { moved: false, error: 'HARBOR_PORT_TAKEN', reason: /service dns has it/ } });
  t.strictSame(steps(), []);
});

t.test('move - where the new node fails the old one serves again', async (t) => {
  const { move, steps, bus } = stage();
  const error = {
    status: 503,
    msg: { code: 30_500, description: 'no', error: 'HARBOR_CONNECTOR_UNAVAILABLE' },
  };
  bus.answer('HarboraaS.import_instance.n2', () => ({ success: false, error }));
  t.match(await move(), { json: { moved: false, error: 'HARBOR_CONNECTOR_UNAVAILABLE' } });
  t.equal(steps().at(-1), 'HarboraaS.enable_instance.n1');
});

t.test('move - nodes that are not there are named', async (t) => {
  const { move } = stage();
  t.match(await move({ to: 'n9' }), { status: 404, json: { error: 'HARBOR_NODE_NOT_FOUND' } });
  t.match(await move({ to: 'n1' }), { status: 400 });
});
