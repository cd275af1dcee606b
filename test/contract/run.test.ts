import { askUdp, eventually, greeting, greetings, TestHarbor } from '@harbor/testbed';
import { existsSync } from 'node:fs';
import t from 'tap';

/** `harbor run`, a DEA for this machine (contract §2 and §4), with the example people begin with. */
t.test('harbor run - instances behind ports', async (t) => {
  const harbor = await TestHarbor.start(t);
  const web = await harbor.create('web');
  const udp = await harbor.create('udp-web');
  const both = await harbor.create('both-web');
  const services = ['--service', 'web', '--service', 'udp-web', '--service', 'both-web'];
  const echo = ['--', process.execPath, 'examples/echo.js'];

  const app = harbor.run(t, ['--app', 'demo', '--instances', '3', ...services, ...echo]);

  await t.test('each instance gets ports of its own and is registered when they answer', async (t) => {
    await app.said(/serves tcp .* behind web/, 3);
    await app.said(/serves udp .* behind udp-web/, 3);
    const backends = await harbor.backends('web', 3);
    t.equal(new Set(backends.map(({ address }) => address)).size, 3);
    await harbor.backends('both-web', 6);
    const hello = [0, 1, 2].map((index) => `hello from instance ${index}`);
    t.strictSame(await greetings(web.port, 6), [...hello, ...hello]);
    t.equal(await askUdp(udp.port, 'x'), 'instance 0: x', 'the first come is the primary');
    t.equal(await askUdp(both.port, 'y'), 'instance 0: y');
    t.equal(await greeting(both.port), 'hello from instance 0');
  });

  await t.test('an instance that dies leaves at once and is started again', async (t) => {
    const [line] = await app.said(/instance 0 starts, pid \d+/);
    process.kill(Number(/pid (\d+)/.exec(line ?? '')?.[1]), 'SIGKILL');
    await app.said(/instance 0 ended by SIGKILL/);
    const next = async (): Promise<boolean> => (await askUdp(udp.port, 'z')) === 'instance 1: z';
    await eventually('the next in the queue to take over', next);
    await app.said(/instance 0 serves tcp .* behind web/, 2);
    await harbor.backends('web', 3);
    await harbor.backends('udp-web', 3);
    t.strictSame(
      (await greetings(web.port, 3)).sort(),
      [0, 1, 2].map((index) => `hello from instance ${index}`),
    );
    t.equal(await askUdp(udp.port, 'w'), 'instance 1: w', 'who comes back queues at the end');
  });

  await t.test('its instances stay announced through a restart of all of Harbor', async (t) => {
    await harbor.must('kato', 'restart');
    t.match(await greeting(web.port), /hello from instance/);
    t.strictSame((await harbor.backends('web', 3)).length, 3);
  });

  await t.test('Ctrl-C leaves nothing behind', async (t) => {
    const pids = app.lines.flatMap((line) => /starts, pid (\d+)/.exec(line)?.[1] ?? []);
    t.equal(await app.stop('SIGINT'), 0);
    for (const pid of pids) t.notOk(existsSync(`/proc/${pid}`), `pid ${pid} has gone`);
    await harbor.backends('web', 0);
    await harbor.backends('both-web', 0);
    t.equal(await greeting(web.port), 'ECONNRESET');
  });

  await t.test('kill -9 leaves no instance behind, and the port forgets them', async (t) => {
    const second = harbor.run(t, ['--app', 'demo', '--service', 'web', ...echo]);
    const [line] = await second.said(/instance 0 starts, pid \d+/);
    await second.said(/serves tcp/);
    await second.stop('SIGKILL');
    const pid = /pid (\d+)/.exec(line ?? '')?.[1] ?? '';
    await eventually('the instance to end', () => !existsSync(`/proc/${pid}`));
    t.equal(await greeting(web.port), 'ECONNRESET');
  });

  await t.test('a command that crashes is started again, each time a little later', async (t) => {
    const crashing = harbor.run(t, ['--app', 'bad', '--service', 'web', '--', 'sh', '-c', 'exit 3']);
    await crashing.said(/ended with exit code 3/, 2);
    const waits = (await crashing.said(/started again in/, 2)).map((line) =>
      Number(/in ([\d.]+) s/.exec(line)?.[1]),
    );
    t.ok((waits[1] ?? 0) > (waits[0] ?? Infinity));
    t.equal(await crashing.stop(), 0);
  });

  await t.test('what cannot be run, and what is not there, is said', async (t) => {
    const missing = await harbor.harbor('run', '--service', 'web', '--', 'no-such-program');
    t.equal(missing.code, 1);
    t.match(missing.stderr, /no-such-program.*HARBOR_APP_FAILED/);
    const unknown = await harbor.harbor('run', '--service', 'nothing', '--', 'true');
    t.equal(unknown.code, 1);
    t.match(unknown.stderr, /HARBOR_SERVICE_NOT_FOUND/);
    t.equal((await harbor.harbor('run', '--instances', '0', '--', 'true')).code, 2);
    t.equal((await harbor.harbor('run')).code, 2);
  });

  await t.test('an application finds its environment as contract §4 says', async (t) => {
    await harbor.must('harbor', 'bind-service', 'demo-app', 'web');
    const script =
      'echo "ENV $STACKATO_HARBOR|$STACKATO_APP_NAME|$STACKATO_APP_NAME_UPCASE|$PORT|$VCAP_APP_PORT"';
    const one = harbor.run(t, ['--app', 'demo-app', '--', 'sh', '-c', `${script}; exec sleep 60`]);
    const [line] = await one.said(/ENV /);
    t.match(line, /ENV \d+\|demo-app\|DEMO_APP\|(\d+)\|\1$/);
    await one.stop();
    const env = JSON.parse(await harbor.must('harbor', 'env', 'demo-app', '--json')) as Record<
      string,
      string
    >;
    t.equal(env.STACKATO_HARBOR, '4100');
    t.strictSame(Object.keys(JSON.parse(env.STACKATO_SERVICES ?? '') as object), ['web']);
    t.match(JSON.parse(env.VCAP_SERVICES ?? ''), { harbor: [{ name: 'web', plan: 'free' }] });

    await harbor.must('harbor', 'bind-service', 'demo-app', 'udp-web');
    const exported = await harbor.must('harbor', 'env', 'demo-app', '--export');
    t.match(exported, /^export STACKATO_HARBOR_WEB='4100'$/m);
    t.match(exported, /^export STACKATO_HARBOR_UDP_WEB='4101'$/m);
    t.notMatch(exported, /^export STACKATO_HARBOR=/m, 'with several there is no single one');

    const bound = await harbor.harbor('delete-service', 'web');
    t.match(bound, { code: 1, stderr: /HARBOR_SERVICE_BOUND/ });
    await harbor.must('harbor', 'unbind-service', 'demo-app', 'web');
    await harbor.must('harbor', 'delete-service', 'web');
  });
});
