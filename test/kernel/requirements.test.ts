import {
  buildLab,
  eventually,
  TestHarbor,
  type Lab,
  type Scope,
  type TestHarborOptions,
} from '@harbor/testbed';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { inKernel, instance, noLab } from './support/stage.js';

/** A Harbor that takes what it gets, in a lab. */
async function start(t: Scope, lab: Lab, options: TestHarborOptions = {}): Promise<TestHarbor> {
  const env = { HARBOR_NODE_HOST: lab.harbor.ipv4, ...options.env };
  return TestHarbor.start(t, { ...options, netns: lab.harbor.netns, env });
}

/** Left the choice it says why it relays; asked for the kernel it says so too, and does not start. */
async function cannot(t: Test, harbor: TestHarbor, why: RegExp): Promise<void> {
  const line = await harbor.logged('harbor_proxy_connector', ({ event }) => event === 'data_plane');
  t.match(line, { asked: 'auto', taken: 'embedded', why }, 'left the choice it says why it relays');
  const inspected = await harbor.kato('inspect');
  t.match(inspected.stdout, why, 'kato inspect shows it');
  await harbor.must('kato', 'config', 'set', 'harbor_proxy_connector', 'data_plane', 'kernel');
  const restarted = await harbor.kato('restart', 'harbor_proxy_connector');
  t.equal(restarted.code, 1, 'asked for by name it fails');
  t.match(restarted.stderr, /HARBOR_DATA_PLANE_UNAVAILABLE|the kernel data plane cannot work/);
  t.match(restarted.stderr, why);
}

/** A PATH with everything in it but one program. */
function pathWithout(t: Scope, program: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'harbor-path-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const seen = new Set([program]);
  for (const each of (process.env.PATH ?? '').split(':'))
    for (const name of list(each)) {
      if (seen.has(name)) continue;
      seen.add(name);
      symlinkSync(join(each, name), join(directory, name));
    }
  return directory;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

t.test('the kernel plane - what is missing is named, with the command', { skip: noLab }, async (t) => {
  const lab = await buildLab(t);
  for (const [program, why] of [
    ['nft', /nft is not installed; as root run: apt-get install -y nftables/],
    ['conntrack', /conntrack is not installed; as root run: apt-get install -y conntrack/],
  ] as const)
    await t.test(`no ${program}`, async (t) => {
      await cannot(t, await start(t, lab, { env: { PATH: pathWithout(t, program) } }), why);
    });

  await t.test('no CAP_NET_ADMIN', async (t) => {
    const through = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'];
    await cannot(t, await start(t, lab, { through }), /give the process CAP_NET_ADMIN/);
  });

  await t.test('no forwarding', async (t) => {
    await lab.harbor.run('sysctl', '-qw', 'net.ipv4.ip_forward=0');
    await lab.harbor.run('nft', 'add', 'table', 'inet', 'harbor');
    await cannot(t, await start(t, lab), /sysctl -w net\.ipv4\.ip_forward=1/);
    await lab.harbor.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    const tables = await lab.harbor.run('nft', 'list', 'tables');
    t.notMatch(tables, /inet harbor/, 'rules left by a run before lead nobody past the relay');
  });
});

t.test('the kernel plane - a firewall that drops what is forwarded', { skip: noLab }, async (t) => {
  const lab = await buildLab(t);
  const { client, harbor: host, one } = lab;
  // As Docker leaves it.
  const forward = '{ type filter hook forward priority filter; policy drop; }';
  await host.run('nft', 'add', 'table', 'ip', 'filter');
  await host.run('nft', 'add', 'chain', 'ip', 'filter', 'FORWARD', forward);
  const harbor = await start(t, lab);
  const url = await harbor.natsUrl();
  const say = (subject: string, message: object) => host.publish(url, subject, message);
  const here = { lab, harbor, say };
  const chosen = (taken: string) =>
    harbor.logged('harbor_proxy_connector', (line) => line.event === 'data_plane' && line.taken === taken);
  const why =
    /chain ip filter FORWARD.* iptables -I FORWARD -m connmark --mark 0x48524000\/0xffffe000 -j ACCEPT/;
  t.match(await chosen('embedded'), { asked: 'auto', why }, 'left the choice it relays and says why');
  t.match((await harbor.kato('inspect')).stdout, why, 'kato inspect shows it');
  const web = await harbor.create('web');
  await instance(here, web, one, 'a');
  t.equal(await client.greeting(web.port, host.ipv4), 'a', 'the relay serves');

  await harbor.must('kato', 'config', 'set', 'harbor_proxy_connector', 'data_plane', 'kernel');
  await harbor.must('kato', 'restart', 'harbor_proxy_connector');
  const warned = await harbor.logged('harbor_proxy_connector', ({ event }) => event === 'forwarding_dropped');
  t.match(warned, { level: 'warn', why }, 'asked for by name it warns');
  t.match((await harbor.kato('inspect')).stdout, /kernel, but the firewall/);

  await host.run('nft', 'insert rule ip filter FORWARD ct mark and 0xffffe000 == 0x48524000 accept');
  await harbor.must('kato', 'config', 'set', 'harbor_proxy_connector', 'data_plane', 'auto');
  await harbor.must('kato', 'restart', 'harbor_proxy_connector');
  await inKernel(here, `tcp/${web.port}`, 1);
  t.equal(
    await client.greeting(web.port, host.ipv4),
    'a',
    'with the rule that was named the kernel forwards',
  );
  t.match(await harbor.explain('web'), { data_plane: 'kernel' });
});

t.test(
  'preserve_client_ip - refused where it cannot be, and said where it is not',
  { skip: noLab },
  async (t) => {
    const lab = await buildLab(t);
    const harbor = await start(t, lab);
    const kept = JSON.stringify({ preserve_client_ip: true });
    const service = await harbor.create('kept', { preserve_client_ip: true });
    const url = await harbor.natsUrl();
    const said = (why: RegExp) =>
      harbor.logged(
        'harbor_proxy_connector',
        (line) => line.event === 'client_ip_not_preserved' && why.test(String(line.why)),
      );
    const loop = await lab.harbor.tcpBackend('loop', { host: '127.0.0.1' });
    const instance = { dea: 'd', app: 'a', instance: 'i', service: service.id, host: '127.0.0.1' };
    await lab.harbor.publish(url, 'harbor.register', { ...instance, port: loop.port });
    t.match(await said(/backends on loopback/), { service: service.id, key: `tcp/${service.port}` });

    await harbor.must('kato', 'config', 'set', 'harbor_proxy_connector', 'data_plane', 'embedded');
    await harbor.must('kato', 'restart', 'harbor_proxy_connector');
    t.match(await said(/data_plane is embedded/), { level: 'warn', service: service.id });
    const refused = await harbor.kato('status');
    t.equal(refused.code, 0);
    const free = (await harbor.status()).ports.free;
    const { code, stderr } = await harbor.harbor('create-service', 'harbor', 'more', '-c', kept);
    t.equal(code, 1);
    t.match(
      stderr,
      /preserve_client_ip needs the kernel data plane; \S+ has the embedded one: data_plane is/,
    );
    await eventually('nothing to be left', async () => (await harbor.services()).length === 1);
    t.equal((await harbor.status()).ports.free, free, 'no port is used up');
  },
);
