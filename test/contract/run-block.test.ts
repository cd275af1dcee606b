import { askUdp, greeting, greetings, TestHarbor } from '@harbor/testbed';
import t from 'tap';

const PORTS = [0, 1, 2];

t.test('harbor run - every port of a block leads to its own port of every instance', async (t) => {
  const harbor = await TestHarbor.start(t, { ports: 12 });
  const rtp = await harbor.create('both-rtp', { ports: PORTS.length });
  const application = ['--', process.execPath, 'test/apps/block.js'];
  const app = harbor.run(t, ['--app', 'calls', '--instances', '2', '--service', 'both-rtp', ...application]);
  const backends = await harbor.backends('both-rtp', 4);

  t.test('each instance has as many ports in a row, and shares none', (t) => {
    const firsts = [...new Set(backends.map(({ address }) => Number(address.split(':').at(-1))))].sort();
    t.equal(firsts.length, 2, 'TCP and UDP of an instance are on the same ones');
    t.ok(Math.abs((firsts[0] ?? 0) - (firsts[1] ?? 0)) >= PORTS.length, firsts.join(' and '));
    t.end();
  });

  await t.test('TCP takes turns on each port of it, and stays on that port', async (t) => {
    for (const offset of PORTS) {
      const said = await greetings(rtp.port + offset, 4);
      t.strictSame(
        said.sort(),
        [0, 0, 1, 1].map((index) => `instance ${index}, port ${offset}`),
      );
    }
  });

  await t.test('UDP reaches one instance, on each port its own', async (t) => {
    const said = await Promise.all(PORTS.map((offset) => askUdp(rtp.port + offset, 'x')));
    const [, first = ''] = /^instance (\d)/.exec(said[0] ?? '') ?? [];
    t.match(first, /^[01]$/);
    t.strictSame(
      said,
      PORTS.map((offset) => `instance ${first}, port ${offset}: x`),
    );
  });

  await t.test('when it ends no port of it has a backend any more', async (t) => {
    t.equal(await app.stop(), 0);
    await harbor.backends('both-rtp', 0);
    for (const offset of PORTS) t.equal(await greeting(rtp.port + offset), 'ECONNRESET');
  });
});
