import { eventually } from '@harbor/testbed';
import { z } from '@harbor/wire';
import t from 'tap';
import { ADDRESSES, nodes } from './support/nodes.js';

t.test('service node - as a peer of another make finds it', async (t) => {
  const { ask, bus, clock, announcer, follower } = await nodes(t);
  const service = (id: string) => follower.replica.get('service', id);

  await t.test('announce - at once and every 30 s: id, plan, versions, free ports as capacity', async (t) => {
    const announced: unknown[] = [];
    bus.subscribe('HarboraaS.announce', z.unknown(), (value) => announced.push(value));
    await bus.flush();
    const of = (id: string) => announced.filter((each) => (each as { id: string }).id === id);
    announcer.announce();
    await eventually('an announcement at once', () => of('n1').length === 1);
    const { revision, ...said } = of('n1')[0] as { revision: unknown };
    t.ok(Number.isSafeInteger(revision), 'and the revision at which it counted');
    t.strictSame(said, {
      id: 'n1',
      plan: 'free',
      supported_versions: ['1.0'],
      available_capacity: 100,
      capacity_unit: 1,
      addresses: ADDRESSES,
    });
    for (const round of [2, 3]) {
      clock.advance(30_000);
      await eventually(`announcement ${round}`, () => of('n1').length === round);
    }
    await ask('provision.n1', { plan: 'free', instance_id: 'one-less' });
    announcer.announce();
    await eventually('one with a port less', () => of('n1').length === 4);
    t.match(of('n1')[3], { available_capacity: 99 });
  });

  await t.test('extra fields - without ours a request works, and those of others are ignored', async (t) => {
    const { success, credentials } = await ask('provision.n1', { plan: 'free' });
    t.equal(success, true);
    const name = credentials?.name as string;
    t.match(service(name), { name: '', protocol: 'tcp' });
    const strange = { plan: 'free', instance_id: 'strange', colour: 'blue', nested: { a: [1] } };
    t.match(await ask('provision.n1', strange), { success: true, credentials: { name: 'strange' } });
    t.notOk('colour' in (service('strange') ?? {}));
    t.match(await ask('bind.n1', { name, bind_opts: { a: 1 }, colour: 'blue' }), { success: true });
    t.strictSame(await ask('unbind.n1', { credentials, colour: 'blue' }), { success: true });
    t.strictSame(await ask('unprovision.n1', { name, bindings: [], colour: 'blue' }), { success: true });
  });

  await t.test('failure - error is {status, msg:{code, description, error}}', async (t) => {
    for (const [subject, request] of [
      ['provision.n1', { plan: 'gold' }],
      ['bind.n1', { name: 'nobody' }],
      ['disable_instance.n1', [{ credentials: { name: 'nobody' } }, []]],
      ['provision.n1', 'nonsense'],
    ] as const) {
      const answer = await ask(subject, request);
      t.strictSame(Object.keys(answer).sort(), ['error', 'success'], subject);
      t.equal(answer.success, false);
      t.strictSame(Object.keys(answer.error ?? {}).sort(), ['msg', 'status']);
      t.strictSame(Object.keys(answer.error?.msg ?? {}).sort(), ['code', 'description', 'error']);
      t.match(answer.error, {
        status: Number,
        msg: { code: Number, description: String, error: /^HARBOR_/ },
      });
    }
  });

  await t.test('failure - what is no JSON is answered so, too, and nobody waits for it', async (t) => {
    for (const bytes of ['{', '\u0000', '[[[[', 'Send Me Handles']) {
      const answer = await bus.connection.request('HarboraaS.provision.n1', bytes, { timeout: 10_000 });
      t.match(answer.json(), { success: false, error: { status: 400, msg: { code: 30001 } } }, bytes);
    }
  });

  await t.test('update_instance - what fails is answered with simple failure, not with a list', async (t) => {
    const credentials = {
      ...{ hostname: 'h', host: '10.0.0.1', port: 45_000, name: 'nobody', node_id: 'n1', int_port: 4_100 },
    };
    const answer: unknown = await ask('update_instance.n1', [{ service_id: 'nobody', credentials }, []]);
    t.notOk(Array.isArray(answer));
    t.match(answer, { success: false, error: { status: 404, msg: { code: 30300 } } });
  });

  await t.test('purge_orphan - is not answered', async (t) => {
    const request = { orphan_ins_list: ['nobody'], orphan_binding_list: [] };
    const patience = { timeoutMs: 300, unanswered: 'HARBOR_NODE_TIMEOUT' } as const;
    await t.rejects(bus.request('HarboraaS.purge_orphan.n1', request, z.unknown(), patience), {
      code: 'HARBOR_NODE_TIMEOUT',
    });
    t.ok(service('one-less'), 'what was not named stays');
  });
});
