import { eventually, greeting, runCommand, TestHarbor } from '@harbor/testbed';
import { join } from 'node:path';
import t from 'tap';
import { folder } from './support/folder.js';

/**
 * The examples of the Port Service's documents, as they stand there; each test is named after its section.
 * Only what the examples leave out is added: the command that is run.
 */
const harbor = await TestHarbor.start(t, { env: { USER: 'jo' } });
const ECHO = join(process.cwd(), 'examples/echo.js');
const RUN_ECHO = `command: ${process.execPath} ${ECHO}\n`;

async function service(name: string) {
  const found = (await harbor.services()).find((each) => each.name === name);
  if (found?.port == null) throw new Error(`there is no ${name}`);
  return { ...found, port: found.port };
}

t.test('Requesting a Port', async (t) => {
  await t.test('with the client', async (t) => {
    t.equal((await harbor.harbor('create-service', 'harbor', 'debug-port')).code, 0);
    const { port } = await service('debug-port');
    t.match(await service('debug-port'), { protocol: 'tcp', state: 'ready' });
    t.match(await harbor.must('harbor', 'service', 'debug-port'), new RegExp(`port\\s+${port}`));
  });

  for (const [file, memory] of [
    ['stackato.yml', 'mem'],
    ['manifest.yml', 'memory'],
  ] as const)
    await t.test(`in ${file}`, async (t) => {
      const text = `name: port-test\n${memory}: 256\nservices:\n  my-port: harbor\n`;
      const app = harbor.run(t, [], { cwd: folder(t, { [file]: text + RUN_ECHO }) });
      await app.said(/port-test: instance 0 serves tcp .* behind my-port/);
      const { port } = await service('my-port');
      t.equal(await greeting(port), 'hello from instance 0');
      t.equal(await app.stop(), 0);
      t.match(await service('my-port'), { port, bindings: ['port-test'] }, 'it is kept, with its port');

      const env = JSON.parse(await harbor.must('harbor', 'env', 'port-test', '--json')) as {
        STACKATO_SERVICES: string;
        STACKATO_HARBOR: string;
      };
      const services = JSON.parse(env.STACKATO_SERVICES) as Record<string, Record<string, unknown>>;
      t.strictSame(Object.keys(services), ['my-port']);
      const fields = ['hostname', 'host', 'port', 'name', 'node_id', 'int_port'];
      t.strictSame(Object.keys(services['my-port'] ?? {}), fields);
      t.equal(Number(env.STACKATO_HARBOR), services['my-port']?.int_port);
    });
});

t.test('Harbor Environment Variables', async (t) => {
  await t.test('two services: two variables, and none without a name', async (t) => {
    const services = 'services:\n  udp-port: harbor\n  tcp-port: harbor\n';
    const command = 'command: env | grep ^STACKATO_HARBOR | sort; exec sleep 60\n';
    const app = harbor.run(t, [], { cwd: folder(t, { 'manifest.yml': services + command }) });
    const lines = await app.said(/STACKATO_HARBOR_/, 2);
    t.match(lines[0], /STACKATO_HARBOR_TCP_PORT=\d+$/);
    t.match(lines[1], /STACKATO_HARBOR_UDP_PORT=\d+$/);
    t.equal(app.lines.filter((line) => line.includes('STACKATO_HARBOR=')).length, 0);
    await app.stop();
  });

  await t.test(
    "the two variables of the documents, in a script of bash's, as command and as hook",
    async (t) => {
      const manifest =
        'name: port-test-2\nservices:\n  udp-${name}: harbor\n  tcp-${name}: harbor\n' +
        'hooks:\n  pre-running:\n  - bash ./ports.sh hook\ncommand: bash ./ports.sh command; exec sleep 60\n';
      const script =
        'UDP_SERVICE_NAME=STACKATO_HARBOR_UDP_${STACKATO_APP_NAME_UPCASE}\n' +
        'UDP_SERVICE_PORT=${!UDP_SERVICE_NAME}\n' +
        'echo "$1 $UDP_SERVICE_NAME $UDP_SERVICE_PORT $STACKATO_HARBOR_UDP_PORT_TEST_2"\n';
      const cwd = folder(t, { 'stackato.yml': manifest, 'ports.sh': script });
      const app = harbor.run(t, [], { cwd });
      for (const where of ['hook', 'command'])
        t.match(await app.said(new RegExp(`${where} STACKATO_HARBOR_UDP_PORT_TEST_2 (\\d+) \\1$`)), {
          length: 1,
        });
      await app.stop();

      await t.test('and with what harbor env prints', async (t) => {
        await harbor.create('a name no shell has');
        await harbor.must('harbor', 'bind-service', 'port-test-2', 'a name no shell has');
        const exported = await harbor.must('harbor', 'env', 'port-test-2', '--export');
        const { stdout, stderr } = await runCommand('bash', ['-c', `${exported}\nset -- shell\n${script}`]);
        t.equal(stderr, '');
        t.match(stdout, /^shell STACKATO_HARBOR_UDP_PORT_TEST_2 (4\d+) \1$/m);
      });
    },
  );
});

t.test('Setting the Port Protocols', async (t) => {
  for (const [name, protocol] of [
    ['udp-debug-port', 'udp'],
    ['both-debug-port', 'both'],
    ['multi-debug-port', 'both'],
  ]) {
    await harbor.must('harbor', 'create-service', 'harbor', name!);
    t.match(await service(name!), { protocol });
  }
});

t.test('Multiple Application Instances', async (t) => {
  const manifest = 'applications:\n- name: many\n  instances: 3\n  services: [both-many]\n';
  const cwd = folder(t, { 'manifest.yml': `${manifest}  ${RUN_ECHO}` });
  const app = harbor.run(t, ['--delete-services'], { cwd });
  await app.said(/instance \d serves tcp .* behind both-many/, 3);
  const { port } = await service('both-many');
  await harbor.backends('both-many', 6);
  const heard = new Set([await greeting(port), await greeting(port), await greeting(port)]);
  t.equal(heard.size, 3, 'round-robin');
  t.equal(await app.stop(), 0);
  t.notOk(
    (await harbor.services()).some(({ name }) => name === 'both-many'),
    '--delete-services',
  );
});

t.test('Example - a server that reads its port from a file', async (t) => {
  // As the samples do that the documents name: a hook writes the configuration of a game's or IRC's server.
  const manifest =
    'name: bukkit-server\nservices:\n  minecraft: harbor\nhooks:\n  pre-running:\n' +
    '  - sed s/HARBOR_PORT/$STACKATO_HARBOR/ server.template > server.properties\n' +
    `command: . ./server.properties; exec ${process.execPath} server.js $port\n`;
  // Who looks whether it listens may leave before it has read, and is a reset.
  const program = `require('net').createServer((s) => s.on('error', () => {}).end('a world\\n')).listen(process.argv[2])`;
  const files = { 'stackato.yml': manifest, 'server.template': 'port=HARBOR_PORT\n', 'server.js': program };
  const app = harbor.run(t, [], { cwd: folder(t, files) });
  await app.said(/serves tcp .* behind minecraft/);
  await harbor.backends('minecraft', 1);
  t.equal(await greeting((await service('minecraft')).port), 'a world');
  await app.stop();
});

t.test('processes: web: ~ - an application without HTTP', async (t) => {
  const manifest = 'name: worker\nprocesses:\n  web: ~\ncommand: echo "PORT=[$PORT]"; exec sleep 60\n';
  const app = harbor.run(t, [], { cwd: folder(t, { 'stackato.yml': manifest }) });
  t.ok(await app.said(/PORT=\[\]/));
  await app.stop();
});

t.test('manifests - what is bound and named anew shows at the next start', async (t) => {
  const cwd = folder(t, {
    'stackato.yml': `services:\n  a-\${name}: harbor\ncommand: echo "$STACKATO_APP_NAME:$STACKATO_SERVICES"; exec sleep 60\n`,
  });
  const seen = async (...args: string[]): Promise<string[]> => {
    const app = harbor.run(t, args, { cwd });
    const [line] = await app.said(/:\{/);
    await app.stop();
    const [, name = '', json = ''] = /\] (\S+?):(\{.*)$/.exec(line ?? '') ?? [];
    return [name, ...Object.keys(JSON.parse(json) as object)];
  };
  t.strictSame(await seen('--app', 'one'), ['one', 'a-one']);
  await harbor.must('harbor', 'bind-service', 'one', 'debug-port');
  t.strictSame(await seen('--app', 'one'), ['one', 'a-one', 'debug-port']);
  await harbor.must('harbor', 'unbind-service', 'one', 'debug-port');
  t.strictSame(await seen('--app', 'one'), ['one', 'a-one']);
  t.strictSame(await seen('--app', 'two'), ['two', 'a-two']);
});

t.test('manifests - an instance that is started again finds what is bound by then', async (t) => {
  const manifest = 'name: again\ncommand: echo "ports $STACKATO_SERVICES"; sleep 60\n';
  const app = harbor.run(t, [], { cwd: folder(t, { 'stackato.yml': manifest }) });
  await app.said(/ports \{\}/);
  await harbor.must('harbor', 'bind-service', 'again', 'debug-port');
  const [line] = await app.said(/starts, pid \d+/);
  process.kill(Number(/pid (\d+)/.exec(line ?? '')?.[1]), 'SIGKILL');
  t.ok(await app.said(/ports \{"debug-port"/));
  await app.stop();
});

t.test('manifests - what is wrong is said with its line, and what to do', async (t) => {
  const run = (files: Record<string, string>, ...args: string[]) =>
    harbor.harborIn(folder(t, files), 'run', ...args);
  t.match(await run({ 'stackato.yml': 'name: x\nservices: [\n' }), {
    code: 1,
    stderr: /stackato\.yml:3:1: this is not YAML[\s\S]*HARBOR_MANIFEST_INVALID[\s\S]*docs\/manifests\.md/,
  });
  t.match(await run({ 'manifest.yml': 'applications:\n- name: a\n- name: b\n' }), {
    code: 2,
    stderr: /several applications; choose one with --app: a, b/,
  });
  t.match(await run({ 'stackato.yml': 'name: x\n' }), { code: 2, stderr: /has no command/ });
  t.match(await run({}, '--manifest', 'no.yml'), { code: 1, stderr: /no\.yml is not there/ });
  t.match(await run({}), { code: 2, stderr: /write a stackato\.yml or manifest\.yml/ });

  const hook = 'name: x\nhooks:\n  pre-running: exit 7\ncommand: echo never\nframwork: y\n';
  const app = harbor.run(t, [], { cwd: folder(t, { 'stackato.yml': hook }) });
  await app.said(/stackato\.yml:5:1: "framwork" is no key/);
  await app.said(/the hook failed with exit code 7: exit 7/);
  await app.said(/instance 0 ended with exit code 7/);
  await app.stop();
  t.notOk(app.lines.some((line) => line.includes('never')));
});

t.test('manifests - services that are somebody else’s, too, are not deleted', async (t) => {
  await harbor.must('harbor', 'create-service', 'harbor', 'shared');
  await harbor.must('harbor', 'bind-service', 'other', 'shared');
  const manifest = 'name: sharing\nservices: [shared]\ncommand: exec sleep 60\n';
  const app = harbor.run(t, ['--delete-services'], { cwd: folder(t, { 'stackato.yml': manifest }) });
  await app.said(/starts/);
  await app.stop();
  t.ok(await app.said(/shared stays: it is bound to other/));
  await eventually('the binding to go', async () => (await service('shared')).bindings.join() === 'other');
});

t.test(
  'manifests - a run that fails, or is ended before it serves, leaves no service it was to delete',
  async (t) => {
    const names = async (): Promise<string[]> => (await harbor.services()).map(({ name }) => name);
    const port = (number: number): string => `{type: harbor, parameters: {port: ${number}}}`;
    const manifest = `name: cut\nservices:\n  cut-a: harbor\n  cut-b: ${port(1)}\ncommand: exec sleep 60\n`;
    t.match(await harbor.harborIn(folder(t, { 'stackato.yml': manifest }), 'run', '--delete-services'), {
      code: 1,
      stdout: /deleted cut-a/,
      stderr: /the service cut-b cannot be made: port 1 lies outside/,
    });
    const two = 'name: cut\nservices: [cut-a, cut-b]\ncommand: exec sleep 60\n';
    const app = harbor.run(t, ['--delete-services'], { cwd: folder(t, { 'stackato.yml': two }) });
    await app.said(/created cut-a$/);
    await app.stop();
    t.ok(await app.said(/deleted cut-b/));
    t.strictSame(
      (await names()).filter((name) => name.startsWith('cut-')),
      [],
    );
  },
);
