import { eventually, greeting, tcpBackend, TestDea } from '@harbor/testbed';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { addressOf, core, nodes, NOTICED, other, stateOf, token } from './support/cluster.js';

t.test('nodes - a second home is attached, serves, dies, comes back, hands over and goes', async (t) => {
  const harbor = await core(t);
  const second = await other(t);
  const at = addressOf(harbor);
  const attach = (...args: string[]) => second.kato('node', 'attach', '-e', 'harbor', at, ...args);
  const record = join(second.home, 'var/core.json');

  await t.test('what is not let in is told why, and nothing is changed', async (t) => {
    const good = await token(harbor);
    const [secret = '', fingerprint = ''] = good.split('.');
    const refused = async (code: string, ...args: string[]) => {
      const { code: exit, stderr } = await attach(...args);
      t.equal(exit, code === 'HARBOR_USAGE' ? 2 : 1, stderr);
      t.match(stderr, code);
      t.notOk(existsSync(record), 'the home is its own');
      t.strictSame(
        (await nodes(harbor)).map(({ id }) => id),
        ['harbor_node_1'],
      );
    };
    await refused('HARBOR_JOIN_TOKEN_INVALID', '--token', `${'x'.repeat(43)}.${fingerprint}`);
    await refused('HARBOR_CORE_UNTRUSTED', '--token', `${secret}.${'x'.repeat(43)}`);
    await refused('HARBOR_USAGE', '--token', 'nonsense');
    await refused('HARBOR_NODE_EXISTS', '--token', good);
    const { stderr } = await attach('--token', good);
    t.match(stderr, /--node-id harbor_node_2/, 'an id that is free is proposed');
    t.notMatch(
      harbor
        .log('kato')
        .map((line) => JSON.stringify(line))
        .join('\n'),
      secret,
    );
  });

  await t.test('with its token it is a node, and the token is used up', async (t) => {
    const good = await token(harbor);
    const { code, stderr } = await attach('--token', good, '--node-id', 'harbor_node_2');
    t.equal(code, 0, stderr);
    t.equal(statSync(record).mode & 0o777, 0o600);
    await eventually('it to be up', async () => (await stateOf(harbor, 'harbor_node_2')) === 'up');
    t.match(
      (await second.status()).roles.flatMap(({ processes }) => processes.map(({ name }) => name)).sort(),
      ['harbor_node', 'harbor_proxy_connector'],
    );
    const third = await other(t);
    const again = await third.kato('node', 'attach', '-e', 'harbor', at, '--token', good, '--node-id', 'x');
    t.match(again, { code: 1, stderr: /HARBOR_JOIN_TOKEN_INVALID/ });
    t.match(await second.kato('node', 'attach', '-e', 'harbor', at, '--token', good), {
      code: 1,
      stderr: /HARBOR_NODE_ATTACHED/,
    });
    t.notMatch(await second.must('kato', 'history'), good);
  });

  const dea = await TestDea.start(t, harbor);
  const backend = await tcpBackend(t, 'one');
  // Both serve services of their own, with the same int_ports.
  const made = await eventually('a service on each', async () => {
    await harbor.create(`web${(await harbor.services()).length}`);
    const all = await harbor.services();
    const [here, there] = ['harbor_node_1', 'harbor_node_2'].map((id) =>
      all.find((one) => one.node_id === id),
    );
    return here && there && { here, there };
  });
  const moving = made.there;
  const port = moving.port ?? 0;
  await dea.register(backend, { service: moving.id });
  await harbor.backends(moving.name, 1);
  t.equal(await greeting(port, '127.0.0.2'), 'one');

  await t.test('a node that dies is noticed, and comes back with its services', async (t) => {
    await second.must('kato', 'stop');
    await eventually(
      'it to be unreachable',
      async () => (await stateOf(harbor, 'harbor_node_2')) === 'unreachable',
      NOTICED,
    );
    t.match(await harbor.must('harbor', 'services'), new RegExp(`${moving.name} .*unreachable`));
    t.match(await harbor.must('harbor', 'service', moving.name), /unreachable: harbor_node_2/);
    t.match(await harbor.must('harbor', 'explain', moving.name), /unreachable: harbor_node_2/);
    t.match(await second.kato('start'), { code: 0 });
    await eventually('it to be up', async () => (await stateOf(harbor, 'harbor_node_2')) === 'up', NOTICED);
    t.notMatch(await harbor.must('harbor', 'services'), /unreachable/);
    t.equal(await greeting(port, '127.0.0.2'), 'one');
  });

  await t.test('a node with services is not let go without force', async (t) => {
    t.match(await second.kato('node', 'detach'), { code: 1, stderr: /HARBOR_NODE_IN_USE/ });
    t.match(await harbor.kato('node', 'remove', 'harbor_node_2'), { code: 1, stderr: /is up/ });
    t.match(await harbor.kato('node', 'remove', 'nobody'), { code: 1, stderr: /HARBOR_NODE_NOT_FOUND/ });
    t.ok(existsSync(record));
  });

  await t.test('its services move to another node, each with its port, alive or dead', async (t) => {
    const dry = await harbor.kato('node', 'migrate', 'harbor_node_2', 'harbor_node_1', '--dry-run', '--json');
    t.equal(dry.code, 0, dry.stderr);
    t.match(await harbor.services(), [{}], 'there are services');
    t.match(
      (await harbor.services()).find(({ id }) => id === moving.id),
      { node_id: 'harbor_node_2' },
    );
    const squatter = createServer().listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    const stays = await harbor.kato('node', 'migrate', 'harbor_node_2', 'harbor_node_1');
    t.match(stays, {
      code: 1,
      stderr: /stays on harbor_node_2: port \d+ cannot be had/,
      stdout: /0 of 1.*1 cannot/,
    });
    t.equal(await greeting(port, '127.0.0.2'), 'one', 'it is served as before');
    squatter.close();
    await once(squatter, 'close');
    await second.must('kato', 'stop');
    const done = await harbor.kato('node', 'migrate', 'harbor_node_2', 'harbor_node_1');
    t.equal(done.code, 0, done.stdout + done.stderr);
    t.match(
      (await harbor.services()).find(({ id }) => id === moving.id),
      { node_id: 'harbor_node_1', port },
    );
    t.equal(await greeting(port, '127.0.0.1'), 'one', 'what the dead node knew of its backends counts on');
    const again = await harbor.kato('node', 'migrate', 'harbor_node_2', 'harbor_node_1');
    t.match(again, { code: 0, stdout: /0 of 0/ });
    t.match(await second.kato('start'), { code: 0 });
    const back = await harbor.kato('node', 'migrate', 'harbor_node_1', 'harbor_node_2');
    t.equal(back.code, 0, back.stdout + back.stderr);
    await dea.register(backend, { service: moving.id });
    await harbor.backends(moving.name, 1);
    t.equal(await greeting(port, '127.0.0.2'), 'one');
    t.match(await harbor.kato('node', 'migrate', 'harbor_node_2', 'harbor_node_1'), { code: 0 });
  });

  await t.test('without services it is detached, and may be attached again', async (t) => {
    const gone = await second.kato('node', 'detach');
    t.equal(gone.code, 0, gone.stderr);
    t.notOk(existsSync(record));
    t.match(await second.kato('node', 'detach'), { code: 1, stderr: /HARBOR_NODE_NOT_ATTACHED/ });
    await eventually(
      'it to be forgotten',
      async () => (await stateOf(harbor, 'harbor_node_2')) === undefined,
      NOTICED,
    );
    t.match(await attach('--token', await token(harbor)), { code: 0 });
    await eventually('it to be up', async () => (await stateOf(harbor, 'harbor_node_2')) === 'up');
  });
});
