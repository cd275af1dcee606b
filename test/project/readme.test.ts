import {
  askUdp,
  eventually,
  freePort,
  freeRange,
  greeting,
  runCommand,
  startCommand,
  temporaryDirectory,
  CHECKOUT,
} from '@harbor/testbed';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

interface Step {
  readonly kind: 'start' | 'then' | 'run';
  /** As they are typed, without the prompt. */
  readonly commands: readonly string[];
  /** What the README says they print, in order. */
  readonly prints: readonly string[];
}

/** The steps of the README's tour: the blocks that a `tour:` comment stands before. */
function tour(): Step[] {
  const readme = readFileSync(join(CHECKOUT, 'README.md'), 'utf8');
  const blocks = readme.matchAll(/<!-- tour: (start|then|run) -->\n\n```console\n([\s\S]*?)```/g);
  return [...blocks].map(([, kind, text = '']) => {
    const lines = text.trim().split('\n');
    return {
      kind: kind as Step['kind'],
      commands: lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2)),
      prints: lines.filter((line) => !line.startsWith('$ ')),
    };
  });
}

t.test("README - the tour's commands do what it says, as they are typed", async (t) => {
  const directory = temporaryDirectory();
  const range = await freeRange(20);
  const env = {
    PATH: process.env.PATH,
    HOME: directory.path,
    HARBOR_HOME: directory.path,
    HARBOR_REDIS_PORT: String(await freePort()),
    NATS_SERVER_PORT: String(await freePort()),
    HARBOR_GATEWAY_PORT: String(await freePort()),
    HARBOR_NODE_PORT_RANGE: `${range.low}-${range.high}`,
  };
  const background: { child: ChildProcess; said: () => string }[] = [];
  const inShell = (command: string): { child: ChildProcess; said: () => string } => {
    const child = startCommand('bash', ['-c', `exec ${command}`], {
      env,
      cwd: CHECKOUT,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (text += String(data)));
    const started = { child, said: () => text };
    background.push(started);
    return started;
  };
  t.teardown(async () => {
    for (const { child } of background.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      ctrlC(child);
      await once(child, 'exit');
    }
    directory.remove();
  });

  // The README writes 35048 and 35049 for the ports that are drawn at random.
  const ports = new Map<string, string>();
  const real = (command: string): string =>
    [...ports].reduce((text, [written, drawn]) => text.replaceAll(written, drawn), command);
  const steps = tour();
  t.ok(steps.length >= 7, 'the README has a tour');
  for (const { kind, commands, prints } of steps) {
    for (const command of commands) {
      if (kind !== 'then') {
        const { said } = inShell(real(command));
        const wanted = kind === 'start' ? /Harbor is running\./ : /serves/g;
        const times = Number(/--instances (\d+)/.exec(command)?.[1] ?? 1);
        await eventually(
          `${command} to be ready`,
          () => (said().match(wanted)?.length ?? 0) >= times,
          180_000,
        ).catch((error: unknown) => t.fail(`${String(error)}\n${said()}`));
        const port = [...ports.values()].at(-1);
        if (kind === 'run' && port !== undefined) await inTurn(Number(port), times);
        t.pass(command);
        continue;
      }
      const type = () => runCommand('bash', ['-c', real(command)], { env, cwd: CHECKOUT });
      let done = await type();
      // It waits for an answer for a second: people whom a busy machine gives none ask again.
      for (let times = 0; times < 10 && done.stdout === '' && command.includes('nc -u'); times++)
        done = await type();
      const { code, stdout, stderr } = done;
      t.equal(code, 0, `${command}\n${stderr}`);
      const port = /^port +(\d+)$/m.exec(stdout)?.[1];
      if (port !== undefined) ports.set(ports.size === 0 ? '35048' : '35049', port);
      if (prints.length > 0) t.strictSame(stdout.trim().split('\n'), prints, command);
    }
  }

  await t.test('Ctrl-C in the shell of npm start stops everything', async (t) => {
    for (const { child } of background.splice(0).reverse()) {
      ctrlC(child);
      if (child.exitCode === null) await once(child, 'exit');
    }
    await eventually(
      'the port to be free',
      async () => (await greeting(Number(ports.get('35048')))) === 'ECONNREFUSED',
    );
    const { stdout } = await runCommand('bin/kato', ['status'], { env, cwd: CHECKOUT });
    t.match(stdout, /STOPPED/);
    t.notMatch(stdout, /RUNNING/);
  });
});

t.test('README and docs - what they point to is there', async (t) => {
  const { stdout } = await runCommand('git', ['ls-files', '*.md'], { cwd: CHECKOUT });
  for (const page of stdout.trim().split('\n')) {
    const text = readFileSync(join(CHECKOUT, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      const path = join(CHECKOUT, page, '..', target);
      const { code } = await runCommand('test', ['-e', path]);
      t.equal(code, 0, `${page} → ${target}`);
    }
  }
});

/**
 * A reader takes a moment before the next command; this resolves as soon as all instances take part, with
 * the turn at the first one. A port of UDP has no turns: there the first instance answers.
 */
async function inTurn(port: number, instances: number): Promise<void> {
  const inOrder = Array.from({ length: instances }, (_, index) => `hello from instance ${index}`);
  const heard: string[] = [];
  await eventually('the instances to take turns', async () => {
    const last = await greeting(port);
    if (last === 'ECONNREFUSED') return (await askUdp(port, 'hi')) === 'instance 0: hi';
    heard.push(last);
    return heard.slice(-instances).join() === inOrder.join();
  });
}

/** A terminal sends it to everything in the foreground, not to one process. */
function ctrlC({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGINT');
}
