import {
  CHECKOUT,
  eventually,
  greeting,
  runCommand,
  startCommand,
  tcpBackend,
  TestDea,
  TestHarbor,
} from '@harbor/testbed';
import { registerMessage } from '@harbor/wire';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const page = readFileSync(join(CHECKOUT, 'docs/register.md'), 'utf8');

/** The block of the page that a `try:` comment stands before. */
function block(name: string): string {
  const text = new RegExp(`<!-- try: ${name} -->\\n\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
  if (text === undefined) throw new Error(`docs/register.md has no block ${name}`);
  return text;
}

t.test('docs/register.md - its commands do what it says, as they stand', async (t) => {
  const harbor = await TestHarbor.start(t);
  const backend = await tcpBackend(t, 'mine');
  // The page's program is one on another machine.
  const real = (text: string): string =>
    text.replaceAll('10.0.0.7', backend.host).replaceAll('4100', String(backend.port));
  const setup = real(block('setup'));
  const bash = (...blocks: string[]) =>
    runCommand(
      'bash',
      ['--norc', '-euc', [setup.replace(/^bin\/harbor create-service.*$/m, ''), ...blocks].join('\n')],
      {
        cwd: CHECKOUT,
        env: harbor.env,
        timeout: 60_000,
      },
    );
  const created = await runCommand('bash', ['--norc', '-euc', setup], { cwd: CHECKOUT, env: harbor.env });
  t.equal(created.code, 0, created.stderr);
  const [{ port, id } = { port: 0, id: '' }] = await harbor.services();

  await t.test('bash registers and unregisters', async (t) => {
    t.match(await bash(block('bash'), block('bash-register')), { code: 0, stderr: '' });
    await harbor.backends('web', 1);
    t.equal(await greeting(port ?? 0), 'mine');
    const looked = await bash(block('look'));
    t.match(looked, { code: 0, stdout: `${backend.host}:${backend.port}` });
    t.match(await bash(block('bash'), block('bash-unregister')), { code: 0, stderr: '' });
    await harbor.backends('web', 0);
  });

  await t.test('bash says it where NATS refuses', async (t) => {
    const wrong = 'NATS_URL=${NATS_URL/:*@/:x:wrong@}';
    const refused = await bash(wrong, block('bash'), 'say harbor.register "$MESSAGE"');
    t.match(refused, { code: 1, stderr: /NATS: -ERR 'Authorization Violation'/ });
  });

  await t.test('nc registers', async (t) => {
    t.match(await bash(block('nc')), { code: 0 });
    await harbor.backends('web', 1);
    await bash(block('bash'), block('bash-unregister'));
    await harbor.backends('web', 0);
  });

  const stays = async (what: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv) => {
    await t.test(`${what} stays registered until it is ended`, async (t) => {
      const child = startCommand(program, args, {
        cwd: CHECKOUT,
        env: { ...harbor.env, ...env },
        stdio: 'inherit',
      });
      t.teardown(() => child.kill('SIGKILL'));
      await harbor.backends('web', 1);
      t.equal(await greeting(port ?? 0), 'mine');
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await harbor.backends('web', 0);
    });
  };
  const loop = [setup.replace(/^bin\/harbor create-service.*$/m, ''), block('bash'), block('bash-loop')];
  await stays('a bash script', 'bash', ['--norc', '-c', loop.join('\n')], {});
  const script = join(harbor.home, 'register.py');
  writeFileSync(script, real(block('python')));
  const where = { NATS_URL: await harbor.natsUrl(), SERVICE: id };
  await stays('a Python program', 'python3', [script], where);

  await t.test('a Python program says it anew when a node starts', async (t) => {
    // By itself it would say it anew in time, too.
    const seldom = real(block('python')).replace('REGISTER_EVERY = 20', 'REGISTER_EVERY = 3600');
    t.match(seldom, 'REGISTER_EVERY = 3600');
    writeFileSync(script, seldom);
    const child = startCommand('python3', [script], { cwd: CHECKOUT, env: { ...harbor.env, ...where } });
    t.teardown(() => child.kill('SIGKILL'));
    await harbor.backends('web', 1);
    const { nats } = await TestDea.start(t, harbor);
    let heard = 0;
    nats.subscribe('harbor.register', { callback: () => heard++ });
    await nats.flush();
    nats.publish('harbor.start', '{}');
    await eventually('a registration anew', () => heard > 0);
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
});

t.test('docs/register.md - its message is one', async (t) => {
  const text = /```json\n(.*)\n```/.exec(page)?.[1] ?? '';
  t.ok(registerMessage.safeParse(JSON.parse(text)).success);
});
