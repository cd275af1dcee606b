import { HarborError } from '@harbor/core';
import { eventually } from '@harbor/testbed';
import t from 'tap';
import {
  credentialsFor,
  FREE,
  harborContext,
  instanceRecord,
  memoryGateway,
  provisionBody,
  UDP,
} from './support/fixture.js';

const PATH = '/v2/service_instances/one';

t.test('provisioning - the intent is written, with its node, before the node is asked', async (t) => {
  const { call, bus, state } = memoryGateway();
  bus.answer('HarboraaS.provision.n1', () => {
    t.match(state.replica.get('instance', 'one'), { state: 'creating', node: 'n1' });
    return { success: true, credentials: credentialsFor('one') };
  });
  t.match(await call('PUT', PATH, provisionBody()), { status: 201, text: '{}' });
  t.match(state.replica.get('instance', 'one'), { state: 'ready', credentials: { port: 35001 } });
});

t.test(
  'provisioning - the node gets plan, id, name and parameters with the protocol of the plan',
  async (t) => {
    const { call, bus } = memoryGateway();
    const parameters = { allow: ['10.1.2.3/8'] };
    await call('PUT', PATH, provisionBody({ plan_id: UDP.id, ...harborContext('dns'), parameters }));
    t.strictSame(bus.asked[0]?.value, {
      plan: 'udp',
      instance_id: 'one',
      name: 'dns',
      owner: 'org/space/dns',
      parameters: { allow: ['10.0.0.0/8'], protocol: 'udp' },
    });
  },
);

t.test('provisioning - with the plan free the name is left to choose', async (t) => {
  const { call, bus } = memoryGateway();
  await call('PUT', PATH, provisionBody({ plan_id: FREE.id, ...harborContext('udp-dns') }));
  t.strictSame((bus.asked[0]?.value as { parameters: unknown }).parameters, {});
  t.match(await call('GET', '/api/v1/services/udp-dns'), { json: { protocol: 'udp', plan: 'free' } });
});

t.test('provisioning - what a node refuses leaves nothing behind', async (t) => {
  const { call, bus, state } = memoryGateway();
  const msg = { code: 31000, description: 'no port of 35000-35001 is free', error: 'HARBOR_PORT_RANGE_FULL' };
  bus.answer('HarboraaS.provision.n1', () => ({ success: false, error: { status: 507, msg } }));
  t.match(await call('PUT', PATH, provisionBody(harborContext('web'))), {
    status: 507,
    json: { error: 'HARBOR_PORT_RANGE_FULL', description: msg.description },
  });
  t.equal(state.replica.count('instance') + state.replica.count('name'), 0);
  t.notOk(bus.asked.some(({ subject }) => subject.startsWith('HarboraaS.unprovision')));
});

t.test('provisioning - where a node cannot know how it ended, it is told to take it back', async (t) => {
  const { call, bus, state } = memoryGateway();
  const msg = { code: 31006, description: 'Redis does not answer', error: 'HARBOR_REDIS_UNAVAILABLE' };
  bus.answer('HarboraaS.provision.n1', () => ({ success: false, error: { status: 503, msg } }));
  t.match(await call('PUT', PATH, provisionBody()), {
    status: 503,
    json: { error: 'HARBOR_REDIS_UNAVAILABLE' },
  });
  t.match(bus.asked.at(-1), { subject: 'HarboraaS.unprovision.n1', value: { name: 'one' } });
  t.equal(state.replica.count('instance'), 0);
});

t.test('provisioning - a failure of a node that is not ours is told by its v1 code', async (t) => {
  const { call, bus } = memoryGateway();
  const failure = (code: number) => ({
    success: false,
    error: {
      status: 500,
      msg: { code, description: 'as it says', error: { types: ['x'], backtrace: null } },
    },
  });
  bus.answer('HarboraaS.provision.n1', () => failure(30502));
  t.match(await call('PUT', PATH, provisionBody()), {
    status: 504,
    json: { error: 'HARBOR_NODE_TIMEOUT', description: 'node n1: as it says' },
  });
  bus.answer('HarboraaS.provision.n1', () => failure(31999));
  t.match(await call('PUT', PATH, provisionBody()), { status: 500, json: { error: 'HARBOR_INTERNAL' } });
  bus.answer('HarboraaS.provision.n1', () => ({ success: true }));
  t.match(await call('PUT', PATH, provisionBody()), { status: 500 }, 'credentials are missing');
  bus.answer('HarboraaS.provision.n1', () => ({ unexpected: true }));
  t.match(await call('PUT', PATH, provisionBody()), { status: 500 }, 'it makes no sense');
});

t.test('provisioning - a node that does not answer in time is told to take it back', async (t) => {
  const { call, bus, state } = memoryGateway();
  bus.answer('HarboraaS.provision.n1', () => {
    throw new HarborError('HARBOR_NODE_TIMEOUT', 'no answer within 5000 ms');
  });
  t.match(await call('PUT', PATH, provisionBody(harborContext('web'))), { status: 504 });
  t.match(bus.asked.at(-1), { subject: 'HarboraaS.unprovision.n1', value: { name: 'one' } });
  t.equal(state.replica.count('instance') + state.replica.count('name'), 0);
});

t.test('provisioning - where the node stays silent the name is free and the rest waits', async (t) => {
  const { call, bus, state, clock } = memoryGateway();
  const silent = (): never => {
    throw new HarborError('HARBOR_NODE_TIMEOUT', 'no answer within 5000 ms');
  };
  bus.answer('HarboraaS.provision.n1', silent);
  bus.answer('HarboraaS.unprovision.n1', silent);
  t.match(await call('PUT', PATH, provisionBody(harborContext('web'))), { status: 504 });
  t.equal(state.replica.count('name'), 0);
  t.match(state.replica.get('instance', 'one'), { state: 'deleting' });
  t.match(await call('PUT', PATH, provisionBody()), { status: 422, json: { error: 'ConcurrencyError' } });
  bus.answer('HarboraaS.unprovision.n1', () => ({ success: true }));
  clock.advance(60_000);
  await eventually('recovery to finish it', () => !state.replica.get('instance', 'one'));
});

t.test('provisioning - a node that nobody answers for is passed over from then on', async (t) => {
  const { call, bus, announce, gateway } = memoryGateway();
  announce('n2', 1_000);
  t.match(await call('PUT', PATH, provisionBody()), {
    status: 503,
    json: { error: 'HARBOR_NODE_UNAVAILABLE' },
  });
  t.match(await call('PUT', PATH, provisionBody()), { status: 201 });
  t.match(bus.asked.at(-1), { subject: 'HarboraaS.provision.n1' });
  t.match(gateway.directory.list(), [{ pending: 0 }, { pending: 0 }]);
});

t.test('provisioning - without a known node it asks who is there and waits for the first', async (t) => {
  const { call, bus, clock, announce } = memoryGateway();
  clock.advance(300_000);
  bus.onPublish = (subject) => {
    if (subject === 'HarboraaS.discover') setImmediate(announce);
  };
  t.match(await call('PUT', PATH, provisionBody()), { status: 201 });
  bus.onPublish = () => undefined;
  clock.advance(300_000);
  bus.onPublish = (subject) => {
    if (subject === 'HarboraaS.discover') setImmediate(() => clock.advance(1_000));
  };
  const second = await call('PUT', '/v2/service_instances/two', provisionBody());
  t.match(second, { status: 503, json: { error: 'HARBOR_NODE_UNAVAILABLE' } }, 'not for ever');
});

t.test('provisioning - an announcement whose id would change a subject is ignored', async (t) => {
  const { gateway, announce } = memoryGateway();
  for (const id of ['>', 'a b', 'a.*', '.a', 'a..b', 'a\n', 'x>']) announce(id, 5_000);
  announce('node-2.example', 1);
  t.strictSame(
    gateway.directory.list().map(({ id }) => id),
    ['n1', 'node-2.example'],
  );
});

t.test(
  'provisioning - a node without a free port is a full range, once it has been asked anew',
  async (t) => {
    const { call, bus, announce } = memoryGateway();
    announce('n1', 0);
    bus.onPublish = (subject) => {
      if (subject === 'HarboraaS.discover') setImmediate(() => announce('n1', 0));
    };
    t.match(await call('PUT', PATH, provisionBody()), {
      status: 507,
      json: { error: 'HARBOR_PORT_RANGE_FULL' },
    });
    bus.onPublish = (subject) => {
      if (subject === 'HarboraaS.discover') setImmediate(() => announce('n1', 1));
    };
    t.match(await call('PUT', PATH, provisionBody()), { status: 201 }, 'a port was given back meanwhile');
  },
);

t.test('provisioning - while Redis or NATS is away it says so and reads go on', async (t) => {
  const { call, bus, state } = memoryGateway();
  await call('PUT', PATH, provisionBody());
  bus.connected = false;
  const second = '/v2/service_instances/two';
  t.match(await call('PUT', second, provisionBody()), {
    status: 503,
    json: { error: 'HARBOR_NATS_UNAVAILABLE' },
  });
  bus.connected = true;
  state.beforeCommit = () => {
    throw new HarborError('HARBOR_REDIS_UNAVAILABLE', 'Redis does not answer');
  };
  t.match(await call('PUT', second, provisionBody()), {
    status: 503,
    json: { error: 'HARBOR_REDIS_UNAVAILABLE' },
  });
  t.match(await call('GET', PATH), { status: 200 });
  t.match(await call('PUT', PATH, provisionBody()), { status: 200 });
  t.match(await call('GET', '/api/v1/services'), { json: { services: [{ id: 'one' }] } });
});

t.test('provisioning - an attempt whose intent was taken away meanwhile takes its port back', async (t) => {
  const { call, bus, state } = memoryGateway();
  bus.answer('HarboraaS.provision.n1', () => {
    state.write([{ kind: 'instance', id: 'one', value: undefined }]);
    return { success: true, credentials: credentialsFor('one') };
  });
  t.match(await call('PUT', PATH, provisionBody()), { status: 422 });
  t.match(bus.asked.at(-1), { subject: 'HarboraaS.unprovision.n1' });
  t.equal(state.replica.count('instance'), 0);
});

t.test(
  'deleting - the intent is written first and a node that does not know the service agrees',
  async (t) => {
    const { call, bus, state } = memoryGateway();
    await call('PUT', PATH, provisionBody(harborContext('web')));
    bus.answer('HarboraaS.unprovision.n1', () => {
      t.match(state.replica.get('instance', 'one'), { state: 'deleting' });
      return { success: false, error: { status: 404, msg: { code: 30300, description: 'unknown' } } };
    });
    const { service_id, plan_id } = provisionBody();
    const url = `${PATH}?service_id=${String(service_id)}&plan_id=${String(plan_id)}`;
    t.match(await call('DELETE', url), { status: 200, text: '{}' });
    t.equal(state.replica.count('instance') + state.replica.count('name'), 0);
    t.match(await call('DELETE', url), { status: 410 });
  },
);

t.test('deleting - where the node is silent the deletion goes on by itself', async (t) => {
  const { call, bus, state, clock } = memoryGateway();
  await call('PUT', PATH, provisionBody());
  bus.answer('HarboraaS.unprovision.n1', () => {
    throw new HarborError('HARBOR_NODE_TIMEOUT', 'silent');
  });
  const { service_id, plan_id } = provisionBody();
  const url = `${PATH}?service_id=${String(service_id)}&plan_id=${String(plan_id)}`;
  const late = { error: 'HARBOR_NODE_TIMEOUT', description: /n1 did not answer within 5 s; .* by itself/ };
  t.match(await call('DELETE', url), { status: 504, json: late });
  t.match(await call('GET', '/api/v1/services/one'), { json: { state: 'deleting' } });
  bus.answer('HarboraaS.unprovision.n1', () => ({ success: true }));
  clock.advance(60_000);
  await eventually('the deletion to end', () => !state.replica.get('instance', 'one'));
});

t.test('deleting - an instance that a dead attempt left half-made can be deleted at once', async (t) => {
  const { call, bus, state } = memoryGateway();
  state.write([{ kind: 'instance', id: 'one', value: instanceRecord('one', { createdAt: 1_000_000 }) }]);
  const { service_id, plan_id } = provisionBody();
  const url = `${PATH}?service_id=${String(service_id)}&plan_id=${String(plan_id)}`;
  t.match(await call('GET', PATH), { status: 404 });
  t.match(await call('DELETE', url), { status: 200 });
  t.match(bus.asked, [{ subject: 'HarboraaS.unprovision.n1', value: { name: 'one' } }]);
});
