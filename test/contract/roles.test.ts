import { eventually, greeting, tcpBackend, TestDea, TestHarbor } from '@harbor/testbed';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const CORE = ['nats_server', 'harbor_redis', 'harbor_gateway'];
const HARBOR = ['harbor_proxy_connector', 'harbor_node'];

interface Shown {
  readonly core: string | null;
  readonly roles: readonly { readonly name: string; readonly processes: readonly { name: string }[] }[];
}

/** The roles, each with its processes, as `kato status` or `kato role info` has them. */
async function shown(harbor: TestHarbor, ...args: string[]): Promise<Record<string, string[]>> {
  const { roles } = JSON.parse(await harbor.must('kato', ...args, '--json')) as Shown;
  return Object.fromEntries(roles.map((role) => [role.name, role.processes.map(({ name }) => name)]));
}

t.test(
  'roles - a core that is to serve no ports keeps the cluster, over restarts, and serves again',
  async (t) => {
    const harbor = await TestHarbor.start(t, {
      env: { HARBOR_PROXY_CONNECTOR_DATA_PLANE: 'embedded' },
    });
    const both = async (expected: Record<string, string[]>): Promise<void> => {
      t.strictSame(await shown(harbor, 'role', 'info'), expected);
      t.strictSame(await shown(harbor, 'status'), expected);
    };
    await both({ core: CORE, harbor: HARBOR });
    t.match(await harbor.must('kato', 'role', 'info'), /^harbor +harbor_node +RUNNING$/m);

    const web = await harbor.create('web');
    const dea = await TestDea.start(t, harbor);
    await dea.register(await tcpBackend(t, 'one'), { service: web.id });
    await harbor.backends('web', 1);

    await t.test('with services it is refused, and nothing is changed', async (t) => {
      const refused = await harbor.kato('role', 'remove', 'harbor');
      t.equal(refused.code, 1);
      t.match(refused.stderr, /HARBOR_NODE_IN_USE/);
      t.match(
        refused.stderr,
        /has services: web; move them, on the core: kato node migrate harbor_node_1 NEW/,
      );
      t.equal(await greeting(web.port), 'one');
      await both({ core: CORE, harbor: HARBOR });
    });

    await t.test('what is no role that comes and goes is wrong usage', async (t) => {
      for (const [verb, role] of [
        ['add', 'core'],
        ['remove', 'core'],
        ['remove', 'router'],
      ] as const)
        t.match(
          await harbor.kato('role', verb, role),
          { code: 2, stderr: /HARBOR_USAGE/ },
          `${verb} ${role}`,
        );
    });

    await t.test('by force its services stay, unreachable, and come back with the role', async (t) => {
      const gone = await harbor.kato('role', 'remove', 'harbor', '--force');
      t.equal(gone.code, 0, gone.stderr);
      t.match(gone.stderr, /kato node migrate harbor_node_1 NEW/);
      t.equal(await greeting(web.port), 'ECONNREFUSED');
      await both({ core: CORE });
      t.match(await harbor.services(), [{ name: 'web', port: web.port }]);
      t.match(await harbor.must('kato', 'role', 'add', 'harbor'), /has the role harbor/);
      await both({ core: CORE, harbor: HARBOR });
      await eventually('its backend to be there', async () => (await greeting(web.port)) === 'one');
    });

    await harbor.must('harbor', 'delete-service', 'web', '-f');
    await t.test('without services it goes, and neither a start nor a crash brings it back', async (t) => {
      t.match(await harbor.must('kato', 'role', 'remove', 'harbor'), /no longer the role harbor/);
      await both({ core: CORE });
      t.match(await harbor.must('kato', 'role', 'info'), /to have it serve them: kato role add harbor/);
      t.match(await harbor.must('kato', 'role', 'remove', 'harbor'), /no longer/, 'once more is no failure');
      for (const names of [['harbor'], ['harbor_node']])
        for (const change of ['start', 'restart'])
          t.match(
            await harbor.kato(change, ...names),
            { code: 1, stderr: /HARBOR_ROLE_REMOVED/ },
            `${change} ${names.join(' ')}`,
          );
      await both({ core: CORE });
      const states = (await harbor.status()).roles.flatMap(({ processes }) => processes);
      t.ok(
        states.every(({ state }) => state === 'RUNNING'),
        'a restart that is refused stops nothing',
      );

      await harbor.must('kato', 'restart');
      await both({ core: CORE });
      // As a machine that lost its power leaves it: the supervisor before had them running.
      await harbor.must('kato', 'stop');
      writeFileSync(join(harbor.home, 'var/run/wanted.json'), JSON.stringify([...CORE, ...HARBOR]));
      t.strictSame(await shown(harbor, 'status'), { core: CORE }, 'stopped, too');
      await harbor.must('kato', 'start');
      await eventually('all to run', async () =>
        (await harbor.status()).roles
          .flatMap(({ processes }) => processes)
          .every((it) => it.state === 'RUNNING'),
      );
      await both({ core: CORE });
      t.notOk(existsSync(join(harbor.home, 'var/run/harbor_node.pid')));
      const { code, stderr } = await harbor.harbor('create-service', 'harbor', 'late');
      t.equal(code, 1);
      t.match(stderr, /HARBOR_NODE_UNAVAILABLE/);
    });

    await t.test('added while Harbor is stopped it comes with the next start', async (t) => {
      await harbor.must('kato', 'stop');
      t.match(await harbor.must('kato', 'role', 'add', 'harbor'), /to start it: kato start/);
      await harbor.must('kato', 'start');
      await both({ core: CORE, harbor: HARBOR });
      t.ok((await harbor.create('again')).port);
    });
  },
);
