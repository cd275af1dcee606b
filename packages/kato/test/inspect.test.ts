import { CHECKOUT, freePort, runCommand, TestHarbor } from '@harbor/testbed';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Finding } from '../src/inspect/finding.js';

t.test('kato inspect and report - look at a running Harbor', async (t) => {
  const harbor = await TestHarbor.start(t);
  const inspect = async (): Promise<{ code: number; findings: Finding[] }> => {
    const { code, stdout } = await harbor.kato('inspect', '--json');
    return { code, findings: JSON.parse(stdout) as Finding[] };
  };
  const of = (findings: readonly Finding[], check: string) => findings.find((each) => each.check === check);

  await t.test(
    'where all is well nothing fails, and every finding that is not well says what to do',
    async (t) => {
      const { code, findings } = await inspect();
      t.equal(code, 0);
      for (const check of ['Node', 'redis-server', 'nats-server', 'secrets', 'harbor_node', 'Redis', 'NATS'])
        t.equal(of(findings, check)?.state, 'ok', check);
      for (const { state, remedy } of findings) if (state !== 'ok') t.type(remedy, 'string');
      t.match(await harbor.must('kato', 'inspect'), /^ok +Node +v\d/m);
    },
  );

  await t.test('what keeps Harbor from working fails, with the command that mends it', async (t) => {
    await harbor.must('kato', 'process', 'stop', 'harbor_gateway');
    chmodSync(join(harbor.home, 'var/secrets.json'), 0o644);
    const { code, findings } = await inspect();
    t.equal(code, 1);
    t.match(of(findings, 'harbor_gateway'), {
      state: 'fail',
      found: 'STOPPED',
      remedy: /kato process start/,
    });
    t.match(of(findings, 'secrets'), { state: 'fail', found: /mode 644/, remedy: /^chmod 600 / });
    chmodSync(join(harbor.home, 'var/secrets.json'), 0o600);
    await harbor.must('kato', 'process', 'start', 'harbor_gateway');
  });

  await t.test('a port that somebody else holds is found', async (t) => {
    const { port } = await harbor.create('web');
    await harbor.must('kato', 'process', 'stop', 'harbor_proxy_connector');
    const server = createServer().listen(port);
    await once(server, 'listening');
    await harbor.must('kato', 'process', 'start', 'harbor_proxy_connector');
    const { code, findings } = await inspect();
    t.equal(code, 1);
    t.match(of(findings, 'port conflict'), {
      state: 'fail',
      found: new RegExp(`tcp/${port} .*${process.pid}`),
    });
    server.close();
  });

  await t.test('the report holds what support asks for, and no secret', async (t) => {
    await harbor.must('kato', 'config', 'set', 'harbor_gateway', 'token', 'a-token-of-the-test');
    const work = mkdtempSync(join(tmpdir(), 'harbor-report-test-'));
    t.teardown(() => rmSync(work, { recursive: true }));
    const file = join(work, 'report.tar.gz');
    t.match(await harbor.must('kato', 'report', file), /report\.tar\.gz/);
    t.equal(spawnSync('tar', ['-C', work, '--strip-components=1', '-xzf', file]).status, 0);
    const names = readdirSync(work);
    for (const name of ['about', 'configuration', 'status', 'inspect', 'history'])
      t.ok(names.includes(`${name}.json`), name);
    for (const name of ['harbor_gateway', 'harbor_node', 'harbor_proxy_connector', 'harbor_redis', 'kato'])
      t.ok(names.includes(`${name}.log`), name);
    const secrets = Object.values(
      JSON.parse(readFileSync(join(harbor.home, 'var/secrets.json'), 'utf8')) as Record<string, string>,
    ).filter((value) => value.length >= 8);
    t.ok(secrets.length >= 4);
    for (const name of names.filter((each) => each !== 'report.tar.gz')) {
      const text = readFileSync(join(work, name), 'utf8');
      for (const secret of [...secrets, 'a-token-of-the-test']) t.notOk(text.includes(secret), name);
    }
  });

  await t.test('a file that cannot be written is said', async (t) => {
    const { code, stderr } = await harbor.kato('report', '/no/such/directory/report.tar.gz');
    t.equal(code, 2);
    t.match(stderr, /there is no directory \/no\/such\/directory/);
  });
});

t.test('kato inspect - works before anything was ever started', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'harbor-inspect-'));
  t.teardown(() => rmSync(home, { recursive: true }));
  const env = { PATH: process.env.PATH, HARBOR_HOME: home, HARBOR_REDIS_PORT: String(await freePort()) };
  const { code, stdout } = await runCommand(process.execPath, [join(CHECKOUT, 'bin/kato'), 'inspect'], {
    env,
  });
  t.equal(code, 0);
  t.match(stdout, /kato start/);
});
