import { eventually, runCommand, TestHarbor, temporaryDirectory, type Ended } from '@harbor/testbed';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';

const { uid, username } = userInfo();

/** Sessions that people keep open for hours, with servers that speak first and check who asks. */
t.test('real clients - sessions of SSH and PostgreSQL go through a port', async (t) => {
  const harbor = await TestHarbor.start(t);

  await t.test('ssh, scp and sftp', async (t) => {
    const { port } = await harbor.create('shell');
    const { path, serve, ssh } = await sshServer(t, port);
    const app = harbor.run(t, ['--app', 'shell', '--service', 'shell', '--', 'sh', '-c', serve]);
    await app.said(/serves tcp/);
    await harbor.backends('shell', 1);

    const asked = await ssh('ssh', '-p', String(port), `${username}@127.0.0.1`, 'echo "through: $0"; exit 7');
    t.match(asked, { code: 7, stdout: /^through: / }, asked.stderr);

    const [sent, there, back] = [join(path, 'sent'), join(path, 'there'), join(path, 'back')];
    writeFileSync(sent, randomBytes(8 * 1_024 * 1_024));
    const up = await ssh('scp', '-P', String(port), sent, `${username}@127.0.0.1:${there}`);
    t.equal(up.code, 0, up.stderr);
    t.ok(readFileSync(there).equals(readFileSync(sent)), '8 MiB there, every byte in its place');
    const down = await ssh('sftp', '-P', String(port), `${username}@127.0.0.1:${there}`, back);
    t.equal(down.code, 0, down.stderr);
    t.ok(readFileSync(back).equals(readFileSync(sent)), 'and back');
    await app.stop();
  });

  await t.test('psql and pgbench', async (t) => {
    const { port } = await harbor.create('sql');
    const { serve, client } = await postgres(t, port);
    const app = harbor.run(t, ['--app', 'sql', '--service', 'sql', '--', 'sh', '-c', serve]);
    await app.said(/serves tcp/);
    await harbor.backends('sql', 1);
    // It listens before it is done with starting up, and says so to who comes early.
    await eventually('the database', async () => (await client('psql', '-c', 'select 1')).code === 0);

    const made = await client(
      'psql',
      '-c',
      'create table notes (id int primary key, body text)',
      '-c',
      'insert into notes select n, repeat(md5(n::text), 32) from generate_series(1, 5000) n',
      '-c',
      'select count(*), sum(length(body)) from notes',
    );
    t.equal(made.code, 0, made.stderr);
    t.match(made.stdout, /5000\|5120000/);
    const copied = await client('psql', '-c', 'copy notes to stdout');
    t.equal(copied.stdout.trimEnd().split('\n').length, 5_000, 'five million characters, every row');
    t.match(await client('psql', '-c', 'select 1/0'), { code: 1, stderr: /division by zero/ });

    const filled = await client('pgbench', '-i', '-q', '-s', '1');
    t.equal(filled.code, 0, filled.stderr);
    const run = await client('pgbench', '-n', '-c', '4', '-t', '25');
    t.match(run, { code: 0, stdout: /actually processed: 100\/100[^]*failed transactions: 0/ }, run.stderr);
    await app.stop();
  });
});

/** An sshd of the test's own for the user who runs it, with keys made for it. */
async function sshServer(t: Test, port: number) {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const at = (name: string): string => join(directory.path, name);
  for (const name of ['host', 'user'])
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', at(name)]);
  writeFileSync(at('known'), `[127.0.0.1]:${port} ${readFileSync(at('host.pub'), 'utf8')}`);
  writeFileSync(
    at('sshd_config'),
    [
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('user.pub')}`,
      'ListenAddress 127.0.0.1',
      'PidFile none',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'UsePAM no',
      // The folder above is /tmp, which everybody may write to.
      'StrictModes no',
      'Subsystem sftp internal-sftp',
      '',
    ].join('\n'),
  );
  // Root's sshd locks its children up in it; Debian makes it where sshd is a service.
  if (uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const known = ['-i', at('user'), '-o', `UserKnownHostsFile=${at('known')}`, '-o', 'BatchMode=yes'];
  const strict = ['-F', 'none', '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes'];
  return {
    path: directory.path,
    // sshd starts itself again for each connection, and wants to be told where it is.
    serve: `exec /usr/sbin/sshd -D -e -f ${at('sshd_config')} -p $STACKATO_HARBOR`,
    ssh: (program: string, ...args: string[]): Promise<Ended> =>
      runCommand(program, [...strict, ...known, ...args], { timeout: 60_000 }),
  };
}

/** A PostgreSQL of the test's own, which root may not run, and its clients with a password. */
async function postgres(t: Test, port: number) {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const bin = newestPostgres();
  const as = uid === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : ['env'];
  const data = join(directory.path, 'data');
  writeFileSync(join(directory.path, 'password'), 'between us');
  if (uid === 0) await must('chown', ['-R', 'postgres:postgres', directory.path]);
  const [first = 'env', ...rest] = as;
  const login = ['-U', 'app', '-A', 'scram-sha-256', `--pwfile=${join(directory.path, 'password')}`];
  await must(first, [
    ...rest,
    join(bin, 'initdb'),
    '-D',
    data,
    ...login,
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ]);
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
  const words = [...as, join(bin, 'postgres'), '-D', data, ...settings.flatMap((each) => ['-c', each])];
  const env = {
    PATH: process.env.PATH,
    HOME: directory.path,
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: 'app',
    PGPASSWORD: 'between us',
    PGDATABASE: 'postgres',
  };
  const quiet: Readonly<Record<string, readonly string[]>> = {
    psql: ['-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1'],
  };
  return {
    serve: `exec ${words.join(' ')} -p $STACKATO_HARBOR`,
    client: (program: string, ...args: string[]): Promise<Ended> =>
      runCommand(join(bin, program), [...(quiet[program] ?? []), ...args], { env, timeout: 60_000 }),
  };
}

/** Debian keeps the programs of each version apart. */
function newestPostgres(): string {
  const all = readdirSync('/usr/lib/postgresql')
    .filter((version) => existsSync(`/usr/lib/postgresql/${version}/bin/initdb`))
    .map(Number);
  return `/usr/lib/postgresql/${Math.max(...all)}/bin`;
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
