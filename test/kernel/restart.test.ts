import { eventually, type LabHost } from '@harbor/testbed';
import t, { type Test } from 'tap';
import { inKernel, instance, noLab, stage, type Stage } from './support/stage.js';

/** Contract §7: what the kernel forwards does not notice that Harbor is restarted, crashes or is away. */

/** How often the load starts a connection and a datagram, ms. */
const EVERY = 5;

interface Loaded {
  readonly here: Stage;
  readonly client: LabHost;
  readonly load: number;
}

/** One service of each protocol, forwarded by the kernel to both hosts, and a load on them. */
async function loaded(t: Test): Promise<Loaded> {
  const here = await stage(t);
  const { one, two, client } = here.lab;
  const web = await here.harbor.create('web');
  const udp = await here.harbor.create('game', { protocol: 'udp' });
  await instance(here, web, one, 'a', { index: 0 });
  await instance(here, web, two, 'b', { index: 1 });
  await instance(here, udp, one, 'u', { udp: true });
  await inKernel(here, `tcp/${web.port}`, 2);
  await inKernel(here, `udp/${udp.port}`, 1);
  const target = { host: here.lab.harbor.ipv4, tcp: web.port, udp: udp.port, everyMs: EVERY };
  return { here, client, load: await client.load(target) };
}

/** Resolves when so many more requests of each kind have gone well. */
async function goesOn({ client, load }: Loaded, more = 50): Promise<void> {
  const { tcp, udp, kept } = await client.loadReport(load);
  await eventually('the load to go on', async () => {
    const now = await client.loadReport(load);
    return now.tcp.ok >= tcp.ok + more && now.udp.ok >= udp.ok + more && now.kept.ok >= kept.ok + more;
  });
}

async function nothingFailed(t: Test, { here, client, load }: Loaded): Promise<void> {
  const { tcp, udp, kept } = await client.stopLoad(load);
  t.comment(`${tcp.ok} connections, ${udp.ok} datagrams, ${kept.ok} exchanges`);
  t.strictSame(tcp.failed, {}, 'every new connection was served');
  // The instance's own socket drops what comes while its process waits for a processor: it did arrive.
  const { 'no answer': lost = 0, ...others } = udp.failed;
  t.ok(lost <= (await overflowed(here.lab.one)), `every datagram was answered: ${lost} were not`);
  t.strictSame(others, {}, 'and none came back');
  t.strictSame(kept.failed, {}, 'the open connection went on');
}

/** How many datagrams reached a host whose program had not read those before (Linux snmp_counter.rst). */
async function overflowed(host: LabHost): Promise<number> {
  const [names = [], counts = []] = (await host.run('cat', '/proc/net/snmp'))
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '));
  return Number(counts[names.indexOf('RcvbufErrors')]);
}

t.test('a restart of harbor loses no connection and no packet', { skip: noLab }, async (t) => {
  const it = await loaded(t);
  await goesOn(it);
  for (let each = 0; each < 3; each++) {
    await it.here.harbor.must('kato', 'restart', 'harbor');
    await goesOn(it);
  }
  await nothingFailed(t, it);
});

t.test('a crash of the connector, and of all of Harbor, loses nothing either', { skip: noLab }, async (t) => {
  const it = await loaded(t);
  const { harbor } = it.here;
  await goesOn(it);
  await harbor.crash('harbor_proxy_connector');
  await goesOn(it);
  await killAll(it.here);
  await goesOn(it, 200);
  await harbor.must('kato', 'start');
  await goesOn(it);
  await nothingFailed(t, it);
});

/** Ends everything that runs in this Harbor's home, its guard first, as a machine short of memory might. */
async function killAll({ harbor }: Stage): Promise<void> {
  // Whoever is killed first may just have started another.
  await eventually('everything to be dead', () => {
    const pids = harbor.pids();
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It went with its parent.
      }
    }
    return pids.length === 0;
  });
}
