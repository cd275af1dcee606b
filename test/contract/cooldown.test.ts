import { eventually, TestHarbor } from '@harbor/testbed';
import t from 'tap';

/** A port given back is kept from others for a while, whatever is restarted meanwhile. */
t.test('cool-down - a port given back comes back to its name, and to nobody else yet', async (t) => {
  const harbor = await TestHarbor.start(t, { ports: 2 });
  await harbor.must('kato', 'config', 'set', 'harbor_node', 'cooldown', '600');
  const { port } = await harbor.create('web');
  await harbor.create('other');
  await harbor.must('harbor', 'delete-service', 'web');
  const cooling = JSON.parse(await harbor.must('kato', 'status', '--json')) as { ports: object };
  t.match(cooling.ports, { used: 1, free: 0, cooling: 1 });

  await t.test('also after kill -9 of Redis and of the node', async (t) => {
    await harbor.crash('harbor_redis');
    await harbor.crash('harbor_node');
    const refused = await eventually('an answer of the node', async () => {
      const { stderr } = await harbor.harbor('create-service', 'harbor', 'third');
      return stderr.includes('HARBOR_PORT_RANGE_FULL') && stderr;
    });
    t.match(refused, /1 port cools down, the next is free in \d+ s/);
    const { code, stderr } = await harbor.harbor(
      'create-service',
      'harbor',
      'third',
      '-c',
      JSON.stringify({ port }),
    );
    t.equal(code, 1);
    t.match(stderr, /HARBOR_PORT_COOLING/);
    t.match(stderr, /cools down for another \d+ s/);
  });

  await t.test('its name gets it back, although no port is free', async (t) => {
    t.equal((await harbor.create('web')).port, port);
    await harbor.must('harbor', 'delete-service', 'web');
  });

  await t.test('the cool-down set to 0 ends it', async (t) => {
    await harbor.must('kato', 'config', 'set', 'harbor_node', 'cooldown', '0');
    const third = await eventually('the port to be free', async () => {
      const { code } = await harbor.harbor('create-service', 'harbor', 'third');
      return code === 0 && harbor.services();
    });
    t.equal(third.find(({ name }) => name === 'third')?.port, port);
  });
});
