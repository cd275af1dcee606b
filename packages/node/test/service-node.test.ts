import { credentialsOf, type Service } from '@harbor/core';
import { eventually } from '@harbor/testbed';
import { nodeHandles, z, type NodeHandles } from '@harbor/wire';
import fc from 'fast-check';
import t from 'tap';
import { handleChunks } from '../src/service/orphans.js';
import { ADDRESSES, asking, nodes } from './support/nodes.js';

const anything = z.unknown();
const handleOf = (service: Service, more: object = {}) => ({
  service_id: service.id,
  configuration: { plan: 'free', version: '1.0' },
  credentials: credentialsOf(service, ADDRESSES),
  ...more,
});

t.test('service node - over NATS', async (t) => {
  const { ask, bus, store, follower, held, clock, greeted, invalid } = await nodes(t);
  const service = (id: string) => follower.replica.get('service', id);

  await t.test(
    'discover - the announcement goes to the reply inbox if any, else to S.announce',
    async (t) => {
      const announced: unknown[] = [];
      bus.subscribe('HarboraaS.announce', anything, (value) => announced.push(value));
      const expected = {
        plan: 'free',
        supported_versions: ['1.0'],
        available_capacity: 100,
        capacity_unit: 1,
      };
      t.match(await ask('discover', {}), { id: /^n[12]$/, ...expected });
      t.match(await ask('discover', { plan: 'free' }), expected);
      bus.publish('HarboraaS.discover', {});
      bus.connection.publish('HarboraaS.discover');
      await eventually('both nodes, twice', () => announced.length === 4);
      await t.rejects(
        bus.request('HarboraaS.discover', { plan: 'another' }, anything, { ...asking, timeoutMs: 300 }),
        {
          code: 'HARBOR_NODE_UNAVAILABLE',
        },
      );
      t.equal(announced.length, 4);
      clock.advance(30_000);
      await eventually('again after 30 s', () => announced.length === 6);
    },
  );

  await t.test(
    'provision - the answer holds credentials with node_id; a plan sets the protocol',
    async (t) => {
      const { success, credentials } = await ask('provision.n1', { plan: 'free', version: '1.0' });
      t.ok(success);
      t.match(credentials, {
        node_id: 'n1',
        host: '10.0.0.1',
        hostname: 'one',
        ext_host: '192.0.2.1',
        int_port: 4100,
      });
      t.match(service(credentials?.name as string), { protocol: 'tcp', port: credentials?.port as number });
      const udp = await ask('provision.n1', { plan: 'udp', version: null, instance_id: 'of-udp' });
      t.match(service('of-udp'), { protocol: 'udp', port: udp.credentials?.port as number });
      t.match(await ask('provision.n1', { plan: 'gold' }), {
        success: false,
        error: { status: 400, msg: { code: 30003 } },
      });
      t.match(await ask('provision.n1', { plan: 'free', version: '2.0' }), {
        error: { msg: { code: 30004 } },
      });
    },
  );

  await t.test('provision - with credentials it re-creates exactly these', async (t) => {
    const exact = {
      hostname: 'old',
      host: '10.9.9.9',
      port: 45_678,
      name: 'back',
      node_id: 'n1',
      int_port: 4_999,
    };
    const answer = await ask('provision.n1', { plan: 'free', credentials: exact });
    t.match(answer, {
      success: true,
      credentials: { port: 45_678, int_port: 4_999, name: 'back', node_id: 'n1' },
    });
    t.strictSame(await ask('provision.n1', { plan: 'free', credentials: exact }), answer, 'again: the same');
    const another = { ...exact, port: 45_679 };
    t.match(await ask('provision.n1', { plan: 'free', credentials: another }), {
      success: false,
      error: { msg: { code: 31004 } },
    });
    const taken = { ...exact, name: 'else' };
    t.match(await ask('provision.n1', { plan: 'free', credentials: taken }), {
      success: false,
      error: { status: 409, msg: { code: 31002 } },
    });
    t.equal(service('else'), undefined);
  });

  await t.test('unprovision - not found counts as success; bindings may ride along', async (t) => {
    t.strictSame(await ask('unprovision.n1', { name: 'nobody', bindings: [] }), { success: true });
    await ask('provision.n1', { plan: 'free', instance_id: 'going' });
    t.strictSame(await ask('unprovision.n1', { name: 'going', bindings: [{ name: 'going' }] }), {
      success: true,
    });
    t.equal(service('going'), undefined);
  });

  await t.test('bind and unbind - a binding has the credentials of its service', async (t) => {
    const { credentials } = await ask('provision.n1', { plan: 'free', instance_id: 'bound' });
    t.strictSame(await ask('bind.n1', { name: 'bound', bind_opts: {}, credentials: null }), {
      success: true,
      credentials,
    });
    t.strictSame(await ask('unbind.n1', { credentials }), { success: true });
    t.match(await ask('bind.n1', { name: 'nobody' }), {
      success: false,
      error: { status: 404, msg: { code: 30300, error: 'HARBOR_SERVICE_NOT_FOUND' } },
    });
  });

  await t.test('disable, import, update, enable - an instance moves with its numbers', async (t) => {
    await ask('provision.n1', { plan: 'free', instance_id: 'mover', name: 'udp-x' });
    const before = service('mover')!;
    const pair = [handleOf(before), [handleOf(before, { service_id: 'binding' })]];
    t.strictSame(await ask('disable_instance.n1', pair), { success: true });
    t.equal(service('mover')?.disabled, true);
    held.add(before.port);
    t.match(await ask('import_instance.n2', pair), {
      success: false,
      error: { msg: { code: 31002, description: /held/ } },
    });
    t.match(service('mover'), { node: 'n1', disabled: true }, 'nothing has changed');
    held.clear();
    t.strictSame(await ask('import_instance.n2', pair), { success: true });
    t.strictSame(await ask('import_instance.n2', pair), { success: true }, 'again: done already');
    t.strictSame(service('mover'), { ...before, node: 'n2', disabled: true });
    t.equal(follower.replica.get('port', `n1:${before.port}`), undefined);
    t.equal(follower.replica.get('port', `n2:${before.port}`)?.service, 'mover');
    const updated = (await ask('update_instance.n2', pair)) as unknown as object[];
    const credentials = { ...credentialsOf(before, ADDRESSES), node_id: 'n2' };
    t.match(updated, [
      { service_id: 'mover', credentials },
      { service_id: 'binding', credentials },
    ]);
    t.match(await ask('update_instance.n1', pair), { success: false, error: { msg: { code: 30300 } } });
    t.strictSame(await ask('enable_instance.n2', pair), { success: true });
    t.strictSame(greeted, ['n2'], 'the DEAs are asked to register anew');
    t.strictSame(service('mover'), { ...before, node: 'n2' });
    t.strictSame(await ask('unprovision.n1', { name: 'mover', bindings: [] }), { success: true });
    t.ok(service('mover'), 'the old node has it no more');
  });

  await t.test('import_instance - what no node has is made anew from its handle', async (t) => {
    const credentials = {
      ...credentialsOf(service('mover')!, ADDRESSES),
      name: 'lost',
      port: 46_000,
      int_port: 5_000,
    };
    const handle = { service_id: 'lost', credentials, name: 'both-x', owner: 'org/space/both-x' };
    t.strictSame(await ask('import_instance.n2', [handle, []]), { success: true });
    t.match(service('lost'), {
      node: 'n2',
      port: 46_000,
      intPort: 5_000,
      protocol: 'both',
      owner: handle.owner,
    });
  });

  await t.test(
    'check_orphan and purge_orphan - a node says what it has, and removes what it is told to',
    async (t) => {
      const inherited: Service = { ...service('bound')!, id: 'inherited', node: 'gone', port: 47_000 };
      const result = await store.commit({
        expect: [],
        write: [{ kind: 'service', id: 'inherited', value: inherited }],
      });
      if (result.done) await follower.caughtUp(result.revision);
      const reports: NodeHandles[] = [];
      bus.subscribe('HarboraaS.node_handles', nodeHandles, (report) => reports.push(report));
      bus.connection.publish('HarboraaS.check_orphan', 'Send Me Handles');
      bus.publish('HarboraaS.check_orphan', {});
      await eventually('both nodes, twice', () => reports.length === 4);
      const second = reports.find(({ node_id }) => node_id === 'n2');
      t.strictSame([...(second?.instances_list ?? [])].sort(), ['lost', 'mover']);
      const first = reports.find(({ node_id }) => node_id === 'n1')?.instances_list ?? [];
      t.ok(first.includes('inherited'), 'and what is its to report of one that has gone');
      bus.publish('HarboraaS.purge_orphan.n2', {
        orphan_ins_list: ['nobody', 'lost', 'bound'],
        orphan_binding_list: [{}],
      });
      await eventually('the orphan to go', () => service('lost') === undefined);
      t.ok(service('bound'), 'another node’s stays');
    },
  );

  await t.test(
    'a malformed message is answered with simple failure, or ignored, and never fatal',
    async (t) => {
      const before = [...follower.replica.all('service')];
      const operations = [
        'provision',
        'unprovision',
        'bind',
        'unbind',
        'disable_instance',
        'import_instance',
        'update_instance',
      ];
      const wrong = fc.oneof(
        fc.jsonValue().filter((value) => typeof value !== 'object' || value === null || !('plan' in value)),
        fc.record({ plan: fc.constantFrom(1, null, ['free'], 'x'.repeat(65)) }),
        fc.record({ plan: fc.constant('free'), credentials: fc.constantFrom({}, 'x', { name: 1 }) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...operations), wrong, async (operation, value) => {
          const answer = await ask(`${operation}.n1`, value);
          // An unbind or unprovision of something else is a success; what is not understood never is.
          return answer.success === false ? answer.error!.msg.code >= 30_000 : operation.startsWith('un');
        }),
        { numRuns: 150 },
      );
      for (const bytes of ['', '{', '\u0000', '[[[[', 'x'.repeat(2_000)])
        for (const subject of ['provision.n1', 'purge_orphan.n1', 'check_orphan', 'discover'])
          bus.connection.publish(`HarboraaS.${subject}`, bytes);
      t.match(await ask('bind.n1', { name: 'bound' }), { success: true });
      t.ok(invalid.length > 0, 'it is logged');
      t.strictSame([...follower.replica.all('service')], before, 'the state is unchanged');
    },
  );
});

t.test('node_handles - in chunks of at most max payload − 200 bytes, nothing lost', async (t) => {
  const names = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), { maxLength: 60 });
  fc.assert(
    fc.property(names, fc.integer({ min: 600, max: 2_000 }), (names, limit) => {
      const chunks = handleChunks('n1', names, limit);
      const small = chunks.every(
        (chunk) => Buffer.byteLength(JSON.stringify(chunk)) <= limit || chunk.instances_list.length === 1,
      );
      return (
        small && chunks.length > 0 && chunks.flatMap((chunk) => chunk.instances_list).join() === names.join()
      );
    }),
  );
  t.strictSame(handleChunks('n1', [], 100), [{ instances_list: [], bindings_list: [], node_id: 'n1' }]);
});
