import { CHECKOUT, runCommand, temporaryDirectory } from '@harbor/testbed';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';

/** A machine with the services named switched on, and an apt-get that installs and switches on as Debian's does. */
function machine(t: Test, ...on: string[]) {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const [bin, state] = [join(directory.path, 'bin'), join(directory.path, 'on')];
  mkdirSync(bin);
  writeFileSync(state, on.map((each) => `${each}\n`).join(''));
  const program = (name: string, text: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  program('sudo', 'shift; exec "$@"');
  program('apt-get', `[ "$1" = update ] || printf '%s\\n' redis-server nats-server >>'${state}'`);
  program(
    'systemctl',
    `case $1 in
    is-enabled) grep -qx -- "$3" '${state}' ;;
    disable) sed -i "/^$3\\$/d" '${state}' ;;
    esac`,
  );
  const env = { PATH: `${bin}:${process.env.PATH ?? ''}`, HOME: directory.path };
  return {
    install: (...packages: string[]) =>
      runCommand('bash', ['-c', '. scripts/setup; need_packages "$@"', 'setup', ...packages], {
        env,
        cwd: CHECKOUT,
      }),
    on: () => readFileSync(state, 'utf8').split('\n').filter(Boolean).sort(),
  };
}

t.test('setup - a server that is installed is not left running as a service', async (t) => {
  const { install, on } = machine(t, 'ssh');
  const { code, stderr } = await install('no-such-redis:redis-server', 'no-such-nats:nats-server');
  t.equal(code, 0, stderr);
  t.match(stderr, /installing redis-server nats-server/);
  t.strictSame(on(), ['ssh'], 'what ran before goes on');
});

t.test('setup - what is there is neither installed nor touched', async (t) => {
  const { install, on } = machine(t, 'nats-server');
  t.match(await install('sh:dash', 'env:coreutils'), { code: 0, stderr: '' });
  t.strictSame(on(), ['nats-server']);
});
