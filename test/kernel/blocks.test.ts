import t from 'tap';
import { inKernel, noLab, stage, type Stage } from './support/stage.js';

const PORTS = [0, 1, 2];

/** An instance with as many ports in a row as the block, each saying which it is, known to the connector. */
async function withBlock(
  { harbor, say }: Stage,
  service: { readonly id: string; readonly name: string },
  host: Stage['lab']['one'],
  name: string,
  first: number,
): Promise<void> {
  for (const offset of PORTS) {
    const at = { host: host.ipv4, port: first + offset };
    await host.tcpBackend(`${name}${offset}`, at);
    await host.udpBackend(`${name}${offset}`, at);
  }
  const before = (await harbor.explain(service.name)).backends.length;
  await say('harbor.register', {
    ...{ dea: 'd', app: 'a', instance: name, service: service.id },
    ...{ host: host.ipv4, port: first },
  });
  await harbor.backends(service.name, before + 2);
}

t.test(
  'kernel plane - each port of a block is forwarded to its own, TCP and UDP',
  { skip: noLab },
  async (t) => {
    const here = await stage(t);
    const { lab, harbor } = here;
    const { client, one, two } = lab;
    const front = lab.harbor.ipv4;
    const rtp = await harbor.create('both-rtp', { ports: PORTS.length });
    const keys = PORTS.flatMap((offset) => [`tcp/${rtp.port + offset}`, `udp/${rtp.port + offset}`]);

    // Namespaces of their own: any number is free there.
    await withBlock(here, rtp, one, 'a', 9_000);
    for (const key of keys) await inKernel(here, key, 1);
    for (const offset of PORTS) {
      t.equal(await client.greeting(rtp.port + offset, front), `a${offset}`);
      t.equal(await client.askUdp(rtp.port + offset, 'x', front), `a${offset}: x`);
    }
    t.match(await harbor.explain(rtp.port + 2), { data_plane: 'kernel', service: { name: 'both-rtp' } });
    const counted = await lab.harbor.run('nft', 'list', 'set', 'inet', 'harbor', 'served');
    for (const offset of PORTS)
      t.match(counted, `tcp . ${rtp.port + offset} counter packets 1 `, 'the kernel forwarded each of them');

    await t.test('a second instance takes its turn on every port of it', async (t) => {
      await withBlock(here, rtp, two, 'b', 9_500);
      for (const offset of PORTS) {
        await inKernel(here, `tcp/${rtp.port + offset}`, 2);
        const said = (await client.greetings(rtp.port + offset, 4, front)).sort();
        t.strictSame(said, [`a${offset}`, `a${offset}`, `b${offset}`, `b${offset}`]);
      }
    });

    await t.test('deleted, no port of it is forwarded', async (t) => {
      await harbor.must('harbor', 'delete-service', 'both-rtp', '-f');
      for (const key of keys) await inKernel(here, key, 0);
      for (const offset of PORTS) t.equal(await client.greeting(rtp.port + offset, front), 'ECONNREFUSED');
    });
  },
);
