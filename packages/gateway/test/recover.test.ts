import { HarborError } from '@harbor/core';
import { eventually } from '@harbor/testbed';
import t from 'tap';
import { credentialsFor, instanceRecord, memoryGateway, provisionBody } from './support/fixture.js';

/** The clock of the memory gateway starts here. */
const NOW = 1_000_000;

t.test('recovery - a creation of a dead process is taken back with its name', async (t) => {
  const { gateway, state, bus } = memoryGateway();
  const left = instanceRecord('one', { name: 'web', platform: 'harbor', createdAt: NOW - 30_000 });
  state.write([
    { kind: 'instance', id: 'one', value: left },
    { kind: 'name', id: 'org/space/web', value: { instance: 'one' } },
  ]);
  await gateway.recovery.sweep();
  t.match(bus.asked, [{ subject: 'HarboraaS.unprovision.n1', value: { name: 'one' } }]);
  t.equal(state.replica.count('instance') + state.replica.count('name'), 0);
});

t.test('recovery - a young creation is left alone until it is 30 s old', async (t) => {
  const { gateway, state, clock } = memoryGateway();
  const left = instanceRecord('one', { createdAt: NOW - 10_000 });
  state.write([{ kind: 'instance', id: 'one', value: left }]);
  await gateway.recovery.sweep();
  t.match(state.replica.get('instance', 'one'), { state: 'creating' });
  clock.advance(19_999);
  t.match(state.replica.get('instance', 'one'), { state: 'creating' });
  clock.advance(1);
  await eventually('the creation to be taken back', () => !state.replica.get('instance', 'one'));
});

t.test('recovery - a deletion is finished, bindings and all', async (t) => {
  const { gateway, state, bus } = memoryGateway();
  const credentials = credentialsFor('one');
  const left = instanceRecord('one', { state: 'deleting', credentials, createdAt: NOW });
  const { serviceId, planId } = left;
  const binding = { id: 'b', instance: 'one', serviceId, planId, parameters: {}, createdAt: NOW };
  state.write([
    { kind: 'instance', id: 'one', value: left },
    { kind: 'binding', id: 'b', value: binding },
    { kind: 'binding', id: 'c', value: { ...binding, id: 'c', instance: 'other' } },
  ]);
  await gateway.recovery.sweep();
  t.match(bus.asked, [{ value: { name: 'one', bindings: [credentials] } }]);
  t.strictSame(
    [...state.replica.all('binding')].map(({ id }) => id),
    ['c'],
  );
  t.equal(state.replica.count('instance'), 0);
});

t.test('recovery - a name that another instance has by now stays its own', async (t) => {
  const { gateway, state } = memoryGateway();
  const left = instanceRecord('one', { state: 'deleting', name: 'web', platform: 'harbor' });
  state.write([
    { kind: 'instance', id: 'one', value: left },
    { kind: 'name', id: 'org/space/web', value: { instance: 'two' } },
  ]);
  await gateway.recovery.sweep();
  t.strictSame(state.replica.get('name', 'org/space/web'), { instance: 'two' });
});

t.test('recovery - what is ready, and what an operation here works on, is not touched', async (t) => {
  const { gateway, state, bus, call } = memoryGateway();
  state.write([
    { kind: 'instance', id: 'ready', value: instanceRecord('ready', { state: 'ready', createdAt: 0 }) },
  ]);
  let finish: (answer: unknown) => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    bus.answer('HarboraaS.provision.n1', () => {
      resolve();
      return new Promise((answer) => (finish = answer));
    });
  });
  const put = call('PUT', '/v2/service_instances/one', provisionBody());
  await asked;
  const record = state.replica.get('instance', 'one')!;
  const aged = state.replica.revisionOf('instance', 'one');
  await gateway.recovery.sweep();
  t.equal(state.replica.revisionOf('instance', 'one'), aged);
  t.equal(record.state, 'creating');
  finish({ success: true, credentials: credentialsFor('one') });
  t.match(await put, { status: 201 });
  t.equal(state.replica.count('instance'), 2);
});

t.test('recovery - one that cannot be settled holds nobody up, and is tried again', async (t) => {
  const { gateway, state, bus, clock } = memoryGateway();
  bus.answer('HarboraaS.unprovision.n1', () => {
    throw new HarborError('HARBOR_NODE_TIMEOUT', 'silent');
  });
  bus.answer('HarboraaS.unprovision.n2', () => ({ success: true }));
  state.write([
    { kind: 'instance', id: 'one', value: instanceRecord('one') },
    { kind: 'instance', id: 'two', value: instanceRecord('two', { node: 'n2' }) },
  ]);
  await gateway.recovery.sweep();
  t.match(state.replica.get('instance', 'one'), { state: 'deleting' });
  t.equal(state.replica.get('instance', 'two'), undefined);
  bus.answer('HarboraaS.unprovision.n1', () => ({ success: true }));
  clock.advance(60_000);
  await eventually('the other to be settled', () => !state.replica.get('instance', 'one'));
});

t.test('recovery - a sweep does not touch an intent that became ready while it waited', async (t) => {
  const { gateway, state, bus } = memoryGateway();
  const settled = instanceRecord('two', { state: 'ready', credentials: credentialsFor('two') });
  bus.answer('HarboraaS.unprovision.n1', () => {
    state.write([{ kind: 'instance', id: 'two', value: settled }]);
    return { success: true };
  });
  state.write([
    { kind: 'instance', id: 'one', value: instanceRecord('one') },
    { kind: 'instance', id: 'two', value: instanceRecord('two') },
  ]);
  await gateway.recovery.sweep();
  t.strictSame(state.replica.get('instance', 'two'), settled);
  t.equal(bus.asked.length, 1);
});
