import { eventually } from '@harbor/testbed';
import t from 'tap';
import { attached, core, nodes, NOTICED, other, stateOf } from './support/cluster.js';

const SECOND = 'harbor_node_2';

t.test('kato node remove - a node that has gone is forgotten, with services by force only', async (t) => {
  const harbor = await core(t);
  const second = await other(t);
  await attached(harbor, second, SECOND);
  const remove = (...args: string[]) => harbor.kato('node', 'remove', ...args);
  const gone = (): Promise<unknown> =>
    eventually(
      'it to be unreachable',
      async () => (await stateOf(harbor, SECOND)) === 'unreachable',
      NOTICED,
    );
  const service = await eventually('a service on it', async () => {
    await harbor.create(`web${(await harbor.services()).length}`);
    return (await harbor.services()).find(({ node_id }) => node_id === SECOND);
  });

  await t.test('one that is up, the core itself and one that nobody knows are refused', async (t) => {
    t.match(await remove(SECOND, '--force'), { code: 1, stderr: `${SECOND} is up` });
    t.match(await remove('harbor_node_1', '--force'), { code: 1, stderr: /HARBOR_NODE_IN_USE/ });
    t.match(await remove('nobody', '--force'), { code: 1, stderr: /HARBOR_NODE_NOT_FOUND/ });
    t.strictSame(
      (await nodes(harbor)).map(({ id }) => id),
      ['harbor_node_1', SECOND],
    );
  });

  await second.must('kato', 'stop');
  await gone();

  await t.test('with services it is refused, they are named, and nothing is changed', async (t) => {
    const refused = await remove(SECOND);
    t.equal(refused.code, 1);
    t.match(refused.stderr, /HARBOR_NODE_IN_USE/);
    t.match(refused.stderr, `has services: ${service.name}; move them`);
    t.equal(await stateOf(harbor, SECOND), 'unreachable');
    t.match(
      (await harbor.services()).find(({ id }) => id === service.id),
      { node_id: SECOND, port: service.port },
    );
  });

  await t.test('by force its services stay, and can be moved', async (t) => {
    const forced = await remove(SECOND, '--force');
    t.match(forced, { code: 0, stdout: `${SECOND} is forgotten`, stderr: `kato node migrate ${SECOND} NEW` });
    t.match(await harbor.must('harbor', 'services'), new RegExp(`${service.name} .*unreachable`));
    t.match(await harbor.kato('node', 'migrate', SECOND, 'harbor_node_1'), { code: 0 });
    t.match(
      (await harbor.services()).find(({ id }) => id === service.id),
      { node_id: 'harbor_node_1', port: service.port },
    );
  });

  await t.test('without services it goes, and its id is free for another machine', async (t) => {
    await second.must('kato', 'start');
    await eventually('it to be back', async () => (await stateOf(harbor, SECOND)) === 'up', NOTICED);
    await second.must('kato', 'stop');
    await gone();
    t.match(await remove(SECOND), { code: 0, stdout: `${SECOND} is forgotten`, stderr: '' });
    await eventually(
      'the gateway to have forgotten it',
      async () => (await stateOf(harbor, SECOND)) === undefined,
      NOTICED,
    );
    const third = await other(t);
    await attached(harbor, third, SECOND);
    t.match(await third.kato('node', 'detach'), { code: 0 });
  });
});
