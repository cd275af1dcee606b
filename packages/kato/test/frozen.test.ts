import { CHECKOUT, runCommand } from '@harbor/testbed';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { testHome, type Outcome, type ShownStatus, type TestHome } from './harness.js';

let home: TestHome;
t.before(async () => {
  home = await testHome(t);
  await home.start();
});

/** Runs `work` while a process is stopped as a debugger, or a machine that hangs, stops it. */
async function frozen(pid: number, work: () => Promise<void>): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

async function harborServices(): Promise<Outcome> {
  const command = [join(CHECKOUT, 'bin/harbor'), 'services'];
  const { code, stdout, stderr } = await runCommand(process.execPath, command, { env: home.env });
  return { code, out: stdout, err: stderr };
}

t.test('frozen - without Redis status says what it knows, and why the rest is not known', async (t) => {
  await frozen(await home.pidOf('harbor_redis'), async () => {
    const { code, out, err } = await home.kato('status');
    t.equal(code, 0, 'as documented');
    t.equal(out.match(/ RUNNING /g)?.length, 5, out);
    t.match(out, /: \? used, \? free, /);
    t.match(err, /^not everything is known: Redis does not answer/m);
    t.match(err, /^ {2}→ .*harbor_redis\.log/m, 'and what to do');
    const { ports } = (await home.json('status', '--json')) as ShownStatus;
    t.match(ports, { used: null, free: null, cooling: null, unavailable: /^Redis does not answer/ });
  });
});

t.test('frozen - without Redis the other commands that look end, and say what they go without', async (t) => {
  await frozen(await home.pidOf('harbor_redis'), async () => {
    const without = /^without what kato config set has stored: Redis does not answer/m;
    const [info, config, services, list] = await Promise.all([
      home.kato('info'),
      home.kato('config', 'get', 'harbor_gateway', 'port'),
      harborServices(),
      home.kato('process', 'list'),
    ]);
    for (const { code, err } of [info, config, services]) t.match({ code, err }, { code: 0, err: without });
    t.equal(config.out.trim(), home.env.HARBOR_GATEWAY_PORT);
    t.match(list, { code: 0, err: '' }, 'it needs no Redis');
  });
});

t.test('frozen - without NATS status ends, and says that conflicts are not known', async (t) => {
  await frozen(await home.pidOf('nats_server'), async () => {
    const { code, out, err } = await home.kato('status');
    t.equal(code, 0);
    t.match(out, /, \? in conflict$/m);
    t.match(err, /^not everything is known: NATS at .* does not answer/m);
  });
});

t.test('frozen - a supervisor that does not answer is said to, and goes on afterwards', async (t) => {
  await frozen(home.supervisor(), async () => {
    const answers = await Promise.all([home.kato('status'), home.kato('process', 'list')]);
    for (const { code, err } of answers) {
      t.equal(code, 1);
      t.match(err, /HARBOR_SUPERVISOR_UNAVAILABLE/);
      t.match(err, /var\/run\/kato\.pid/, 'and what to do');
    }
  });
  t.equal((await home.processes()).length, 5);
});

t.test('frozen - status waits once for a Redis that takes connections and never answers', async (t) => {
  const taken: Socket[] = [];
  const silent = createServer((socket) => taken.push(socket.on('error', () => undefined)));
  t.teardown(() => {
    for (const socket of taken) socket.destroy();
    silent.close();
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const { code, err } = await home.katoWith({ HARBOR_REDIS_URL: `redis://127.0.0.1:${port}` }, 'status');
  t.equal(code, 0);
  t.match(err, /Redis does not answer/);
  t.equal(taken.length, 1, 'one connection, so one wait');
});
