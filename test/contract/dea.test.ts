import { eventually, greeting, tcpBackend, TestDea, TestHarbor } from '@harbor/testbed';
import type { StartMessage } from '@harbor/wire';
import t from 'tap';

/** Contract §5: what the DEAs say, said as any other program would. */
t.test('DEA messages - instances come, are renewed and leave', async (t) => {
  const harbor = await TestHarbor.start(t, {
    env: { HARBOR_NODE_REGISTER_INTERVAL: '1', HARBOR_NODE_PRUNE_THRESHOLD: undefined },
  });
  const dea = await TestDea.start(t, harbor);
  const { id: service, port } = await harbor.create('web');

  await t.test('harbor.greet is answered with what harbor.start says', async (t) => {
    const answer = (await dea.nats.request('harbor.greet', '{}', { timeout: 30_000 })).json();
    t.strictSame(answer, {
      id: 'harbor_node_1',
      hosts: ['127.0.0.1'],
      minimumRegisterIntervalInSeconds: 1,
      pruneThresholdInSeconds: 120,
    });
  });

  await t.test('harbor.start is said at the start of the node and after a reconnect', async (t) => {
    const heard: unknown[] = [];
    dea.nats.subscribe('harbor.start', { callback: (_, message) => heard.push(message.json()) });
    await dea.nats.flush();
    await harbor.crash('harbor_node');
    await eventually('the node to greet at its start', () => heard.length >= 1);
    const before = heard.length;
    const { pid } = await harbor.process('harbor_node');
    // Were the node back before this client is, it would greet unheard.
    process.kill(pid ?? 0, 'SIGSTOP');
    try {
      await harbor.crash('nats_server');
      await eventually('this client to be back', () => dea.nats.flush().then(() => true));
    } finally {
      process.kill(pid ?? 0, 'SIGCONT');
    }
    await eventually('the node to greet after a reconnect', () => heard.length > before);
    t.match(heard.at(-1), { id: 'harbor_node_1', minimumRegisterIntervalInSeconds: 1 });
  });

  await t.test('harbor.register makes a backend, whatever else the message holds', async (t) => {
    const backend = await tcpBackend(t, 'one');
    await dea.register(backend, { service, unknown_field: { deep: [1] }, app_name: 'demo', index: 4 });
    const [found] = await harbor.backends('web', 1);
    t.match(found, { instance: 'one', app_name: 'demo', index: 4, dea: 'dea-1', transport: 'tcp' });
    await dea.unregister(backend, { service });
    await harbor.backends('web', 0);
    await eventually('harbor.unregister to drop it', async () => (await greeting(port)) === 'ECONNRESET');
  });

  await t.test('droplet.exited drops every backend of that instance', async (t) => {
    const udp = await harbor.create('udp-web');
    const one = await tcpBackend(t, 'exits');
    const other = await tcpBackend(t, 'stays');
    await dea.register(one, { service });
    await dea.register(one, { service: udp.id });
    await dea.register(other, { service });
    await harbor.backends('web', 2);
    await harbor.backends('udp-web', 1);
    await dea.say('droplet.exited', { droplet: 'app', version: 'v', instance: 'exits', reason: 'CRASHED' });
    const [left] = await harbor.backends('web', 1);
    t.equal(left?.instance, 'stays');
    await harbor.backends('udp-web', 0);
    await dea.unregister(other, { service });
    await harbor.backends('web', 0);
  });

  const runs = await tcpBackend(t, 'runs');
  await t.test('dea.heartbeat renews what runs and drops what does not', async (t) => {
    const crashed = await tcpBackend(t, 'crashed');
    const missing = await tcpBackend(t, 'missing');
    for (const backend of [runs, crashed, missing]) await dea.register(backend, { service });
    await dea.say('harbor.register', {
      ...dea.message(await tcpBackend(t, 'other'), { service }),
      dea: 'dea-2',
    });
    await harbor.backends('web', 4);
    const beat = (): Promise<void> =>
      dea.say('dea.heartbeat', {
        dea: 'dea-1',
        droplets: [
          { droplet: 'app', instance: 'runs', index: 0, state: 'RUNNING' },
          { droplet: 'app', instance: 'crashed', index: 1, state: 'CRASHED' },
        ],
      });
    await beat();
    const left = await harbor.backends('web', 2);
    t.strictSame(left.map(({ instance }) => instance).sort(), ['other', 'runs'], 'other DEAs are untouched');
  });

  await t.test(
    'what is not heard of for prune_threshold is dropped, what is heartbeaten stays',
    async (t) => {
      const pruning = (after: number) =>
        eventually(`the node to prune after ${after} s`, async () => {
          const answer = await dea.nats.request('harbor.greet', '{}', { timeout: 1_000 });
          return answer.json<StartMessage>().pruneThresholdInSeconds === after;
        });
      // Short for a test, and longer than a busy machine has a heart miss its beats.
      await harbor.must('kato', 'config', 'set', 'harbor_node', 'prune_threshold', '10');
      await pruning(10);
      const droplets = [{ droplet: 'app', instance: 'runs', index: 0, state: 'RUNNING' }];
      const heart = setInterval(() => void dea.say('dea.heartbeat', { dea: 'dea-1', droplets }), 100);
      t.teardown(() => clearInterval(heart));
      // A lease is as long as the threshold was when it was last renewed: this one, renewed by heartbeats only
      // from here on, would end before that of the silent one.
      await dea.register(runs, { service });
      await dea.say('harbor.register', {
        ...dea.message(await tcpBackend(t, 'silent'), { service }),
        dea: 'dea-2',
      });
      await harbor.logged(
        'harbor_node',
        ({ event, instance }) => event === 'backend_up' && instance === 'silent',
      );
      await harbor.logged(
        'harbor_node',
        (line) => line.because === 'not heard of' && line.instance === 'silent',
      );
      const left = (await harbor.explain('web')).backends.map(({ instance }) => instance).sort();
      t.strictSame(left, ['other', 'runs'], 'the other one had a longer lease, this one is renewed');
      await harbor.must('kato', 'config', 'del', 'harbor_node', 'prune_threshold');
      await pruning(120);
      clearInterval(heart);
      await dea.say('dea.heartbeat', { dea: 'dea-1', droplets });
      await dea.say('dea.shutdown', { id: 'dea-2' });
      await harbor.backends('web', 1);
    },
  );

  await t.test('dea.shutdown drops all backends of that DEA', async (t) => {
    await dea.register(await tcpBackend(t, 'a'), { service });
    await dea.register(await tcpBackend(t, 'b'), { service });
    t.equal((await harbor.backends('web', 3)).length, 3);
    await dea.say('dea.shutdown', { id: 'dea-1' });
    t.strictSame(await harbor.backends('web', 0), []);
  });

  await t.test('an address that another service takes leaves the old one at once', async (t) => {
    const { id: other } = await harbor.create('next');
    const backend = await tcpBackend(t, 'old');
    await dea.register(backend, { service });
    await harbor.backends('web', 1);
    await dea.register({ ...backend, name: 'new' }, { service: other });
    await harbor.backends('next', 1);
    t.strictSame((await harbor.explain('web')).backends, []);
    await eventually('it to leave', async () => (await greeting(port)) === 'ECONNRESET');
    await dea.unregister(backend, { service });
    // What is said after it is heard after it.
    await dea.register(await tcpBackend(t, 'last'), { service });
    await harbor.backends('web', 1);
    t.equal((await harbor.explain('next')).backends.length, 1, 'the old one leaving changes nothing');
  });
});

/** The "what bad input gets", and contract §5: logged, counted, never fatal. */
t.test('DEA messages - what is malformed or hostile is refused and changes nothing', async (t) => {
  const harbor = await TestHarbor.start(t);
  const dea = await TestDea.start(t, harbor);
  const { id: service, port } = await harbor.create('web');
  const good = await tcpBackend(t, 'good');
  await dea.register(good, { service });
  await harbor.backends('web', 1);
  const begun = Date.now();
  const { pid } = await harbor.process('harbor_node');
  const base = dea.message({ ...good, name: 'bad' }, { service });

  // Each for a reason of its own: of one kind a single line is written in a minute.
  const bad: Record<string, readonly [unknown, RegExp]> = {
    'no JSON': ['{"dea":', /not JSON/],
    'no object': ['[1,2]', /must be an object/],
    'a wrong type': [{ ...base, index: '4' }, /: index: /],
    'a port out of range': [{ ...base, port: 70_000 }, /: port: /],
    'a host that is no address': [{ ...base, host: '$(reboot)' }, /: host: /],
    'a huge field': [{ ...base, app: 'x'.repeat(300_000) }, /: app: /],
    'an unknown service': [{ ...base, service: 'nobody' }, /unknown service/],
    "Harbor's own listener": [{ ...base, port }, /circles/],
    'an instance without a name': [{ ...base, instance: '' }, /: instance: /],
    'a prototype': ['{"__proto__":{"dea":"x"}}', /: dea: /],
  };
  for (const [what, [message, reason]] of Object.entries(bad)) {
    await t.test(`${what} is refused, logged with the subject, the reason and 200 bytes`, async (t) => {
      await dea.say('harbor.register', message);
      const line = await harbor.logged(
        'harbor_node',
        (each) => each.event === 'message_refused' && reason.test(String(each.reason)),
      );
      t.equal(line.subject, 'harbor.register');
      const sent = typeof message === 'string' ? message : JSON.stringify(message);
      t.equal(line.head, sent.slice(0, 200));
    });
  }

  await t.test('nothing else has changed', async (t) => {
    const { backends } = await harbor.explain('web');
    t.strictSame(
      backends.map(({ instance }) => instance),
      ['good'],
    );
    t.equal((await harbor.process('harbor_node')).pid, pid, 'the process is the same');
    t.equal(await greeting(port), 'good');
  });

  await t.test('a flood of one kind is one line, not thousands', async (t) => {
    for (let each = 0; each < 2_000; each++) dea.nats.publish('harbor.register', '{"dea":');
    await dea.nats.flush();
    await dea.register(good, { service, app_name: 'after the flood' });
    await eventually('the node to have read it all', async () => {
      const { backends } = await harbor.explain('web');
      return backends.some(({ app_name }) => app_name === 'after the flood');
    });
    const lines = harbor
      .log('harbor_node')
      .filter(({ event, reason }) => event === 'message_refused' && String(reason).includes('not JSON'));
    // One of each kind a minute, and what came after it when the minute is over.
    const minutes = Math.floor((Date.now() - begun) / 60_000);
    t.ok(lines.length >= 1 && lines.length <= 1 + 2 * minutes, `${lines.length} lines`);
  });
});
