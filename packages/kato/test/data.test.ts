import {
  backendId,
  credentialsOf,
  intPortsOf,
  portsOf,
  claimId,
  type Service,
  type Write,
} from '@harbor/core';
import { Store } from '@harbor/store';
import { eventually, startCommand } from '@harbor/testbed';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { KATO, testHome, type TestHome } from './harness.js';

let home: TestHome;
let store: Store;

/** Nothing but Redis: that is what import and export need. */
async function redisOnly(env: NodeJS.ProcessEnv = {}): Promise<[TestHome, Store]> {
  const made = await testHome(t, env);
  const { code, err } = await made.kato('start', 'harbor_redis');
  if (code !== 0) throw new Error(err);
  const { redis_url: url } = (await made.json('info', '--json', '--secrets')) as { redis_url: string };
  const open = new Store({ url, onError: () => undefined });
  t.teardown(() => open.close());
  return [made, open];
}

t.before(async () => {
  [home, store] = await redisOnly();
});

function writesOf(service: Service): Write[] {
  const claim = { node: service.node, service: service.id };
  const backend = {
    ...{ service: service.id, host: '10.0.0.1', port: 4100, dea: 'd', app: 'a' },
    ...{ instance: `i-${service.id}`, order: 1, since: 5 },
    transport: 'tcp',
  } as const;
  const wire = { serviceId: 's', planId: 'p', parameters: {}, createdAt: 5 };
  const place = { organization: 'o', space: 's' };
  const credentials = credentialsOf(service, { host: 'h', hostname: 'h' });
  return [
    { kind: 'service', id: service.id, value: service },
    ...portsOf(service).map((port): Write => ({
      ...{ kind: 'port', id: claimId(service.node, port), value: { ...claim, port } },
    })),
    ...intPortsOf(service).map((port): Write => ({
      ...{ kind: 'int_port', id: claimId(service.node, port), value: { ...claim, port } },
    })),
    { kind: 'backend', id: backendId(backend), value: backend },
    {
      kind: 'instance',
      id: service.id,
      value: {
        ...{ id: service.id, name: service.name, state: 'ready', ...wire, ...place, node: service.node },
        credentials,
      },
    },
    {
      kind: 'binding',
      id: `b-${service.id}`,
      value: { id: `b-${service.id}`, instance: service.id, ...wire },
    },
    { kind: 'name', id: `o/s/${service.name}`, value: { instance: service.id } },
  ];
}
const serviceOf = (at: number, over: Partial<Service> = {}): Service => ({
  ...{ id: `s${at}`, name: `n${at}`, node: 'harbor_node_1', port: 20_000 + at, intPort: 4_100 + at },
  ...{ protocol: 'tcp', plan: 'free', parameters: {}, createdAt: at, ...over },
});
const KINDS = [
  'service',
  'port',
  'int_port',
  'backend',
  'instance',
  'binding',
  'name',
  'cooling',
  'config',
] as const;
const dump = async (of: Store) =>
  (await of.snapshot(KINDS)).records.map(({ kind, id, value }) => [kind, id, value]).sort();
const fill = async (of: Store, services: readonly Service[]) => {
  const { revision } = await of.snapshot([]);
  const cooling = { node: 'harbor_node_1', port: 20_999, service: 'gone', since: 1, until: 2 };
  const rest: Write[] = [
    { kind: 'cooling', id: 'harbor_node_1:20999', value: cooling },
    { kind: 'config', id: 'harbor_gateway.password', value: { value: 'a-secret-of-ours' } },
  ];
  if (!(await of.replace(revision, [...services.flatMap(writesOf), ...rest])))
    throw new Error('not replaced');
};
const file = (name: string): string => join(home.dir, name);

t.test('data - what is exported comes back whole in a fresh Harbor', async (t) => {
  await fill(store, [serviceOf(1), serviceOf(2, { ports: 3, port: 20_100, intPort: 4_200 })]);
  const said = await home.kato('data', 'export', file('all.json'));
  t.equal(said.code, 0, said.err);
  t.match(said.out, /2 services, 2 backends, 2 instances, 2 bindings, 2 names, 1 cooling port, 1 setting/);
  t.equal(statSync(file('all.json')).mode & 0o777, 0o600);
  t.notOk(readdirSync(home.dir).some((name) => name.endsWith('.part')));
  const [fresh, state] = await redisOnly();
  t.equal((await fresh.kato('data', 'import', file('all.json'))).code, 0);
  t.strictSame(await dump(state), await dump(store));
});

t.test(
  'data - a file that is broken, newer or contradicts itself is refused and changes nothing',
  async (t) => {
    const before = await dump(store);
    const good = readFileSync(file('all.json'), 'utf8');
    type Plain = Record<string, never> & { version: number; records: Record<string, Record<string, object>> };
    const changed = (change: (data: Plain) => void): string => {
      const data = JSON.parse(good) as Plain;
      change(data);
      return JSON.stringify(data);
    };
    const bad: [string, RegExp][] = [
      [good.slice(0, -100), /not JSON, or not all of it/],
      ['{"a":1}', /format/],
      [
        changed((data) => (data.version = 2)),
        /written by a newer Harbor, in version 2; this one reads up to 1/,
      ],
      [
        changed((data) => (data.records.service!.s1 = { id: 's1' })),
        /records\.service\.s1\.name: is missing/,
      ],
      [
        changed((data) => Object.assign(data.records.service!.s1!, { port: 20_101 })),
        /both have port harbor_node_1:20101/,
      ],
      [changed((data) => delete data.records.instance!.s1), /binding b-s1: there is no instance s1/],
      [
        changed((data) => (data.records.config!['harbor_node.nothing'] = { value: 1 })),
        /there is no such key/,
      ],
      [changed((data) => (data.records.config!['harbor_node.port_range'] = { value: 7 })), /port_range/],
      [changed((data) => Object.assign(data, { more: 1 })), /HARBOR_DATA_INVALID/],
    ];
    for (const [text, why] of bad) {
      writeFileSync(file('bad.json'), text);
      const { code, err } = await home.kato('data', 'import', file('bad.json'), '--force');
      t.equal(code, 1, String(why));
      t.match(err, why);
    }
    t.equal((await home.kato('data', 'import', file('none.json'))).code, 2);
    t.equal((await home.kato('data', 'export', '/no/such/directory/x.json')).code, 2);
    t.strictSame(await dump(store), before);
  },
);

t.test('data - what is there is not replaced, except by --force', async (t) => {
  const all = await dump(store);
  await fill(store, [serviceOf(7)]);
  const before = await dump(store);
  const refused = await home.kato('data', 'import', file('all.json'));
  t.equal(refused.code, 1);
  t.match(refused.err, /there is data already: 1 service, .*HARBOR_DATA_EXISTS/);
  t.strictSame(await dump(store), before);
  const forced = await home.json('data', 'import', file('all.json'), '--force', '--json');
  t.match(forced, { counts: { service: 2 } });
  const { moved, held } = forced as { moved: unknown; held: unknown };
  t.strictSame([moved, held], [[], []]);
  t.strictSame(await dump(store), all);
});

t.test('data - another node takes the services over; two of one number do not both keep it', async (t) => {
  const [other, state] = await redisOnly({
    HARBOR_NODE_NODE_ID: 'elsewhere',
    HARBOR_NODE_PORT_RANGE: '20000-20050',
  });
  await fill(store, [
    serviceOf(1),
    serviceOf(2, { node: 'harbor_node_2', port: 20_001, intPort: 4_101 }),
    serviceOf(3, { port: 30_000 }),
  ]);
  await home.kato('data', 'export', file('two.json'));
  const told = (await other.json('data', 'import', file('two.json'), '--json')) as {
    moved: { service: string; port: number; from: object }[];
    outside: object[];
  };
  t.match(told.moved, [{ service: 's2', from: { port: 20_001, int_port: 4_101 } }]);
  t.match(told.outside, [{ service: 's3', port: 30_000 }]);
  const { records } = await state.snapshot(['service', 'instance', 'port']);
  t.ok(records.every((record) => record.kind !== 'service' || record.value?.node === 'elsewhere'));
  const moved = told.moved[0]?.port ?? 0;
  t.ok(moved !== 20_001 && moved >= 20_000 && moved <= 20_050);
  const instance = records.find((record) => record.kind === 'instance' && record.id === 's2');
  t.match(instance?.value, { node: 'elsewhere', credentials: { port: moved, node_id: 'elsewhere' } });
  t.ok(records.some(({ kind, id }) => kind === 'port' && id === `elsewhere:${moved}`));
});

t.test('data - killed at any moment an import leaves the old state or the new one', async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => serviceOf(at));
  await fill(store, many(900));
  t.equal((await home.kato('data', 'export', file('900.json'))).code, 0);
  const whole = new Map([[900, await dump(store)]]);
  await fill(store, many(300));
  t.equal((await home.kato('data', 'export', file('300.json'))).code, 0);
  whole.set(300, await dump(store));
  let [now, answers] = [300, 0];
  let onChange = (): void => undefined;
  const heard = (): void => onChange();
  const follower = await store.follow(['config'], { onReset: heard, onChange: heard });
  t.teardown(() => follower.close());
  /** Imports what is not there, and kills that after so many answers of Redis, else as soon as anything changes. */
  const killed = async (most = Infinity): Promise<void> => {
    const next = now === 300 ? '900.json' : '300.json';
    const child = startCommand(process.execPath, [KATO, 'data', 'import', file(next), '--force'], {
      env: home.env,
      stdio: 'ignore',
    });
    const ended = new Promise((done) => child.once('exit', done));
    if (most === Infinity) onChange = () => child.kill('SIGKILL');
    answers = 0;
    const far = async (): Promise<boolean> => {
      await store.ping();
      return ++answers > most || child.exitCode !== null || child.signalCode !== null;
    };
    await eventually('it to come so far', far, 300_000);
    child.kill('SIGKILL');
    await ended;
    onChange = () => undefined;
    // In one look: what was sent before it was killed may still be on its way to Redis.
    const found = await dump(store);
    now = found.filter(([kind]) => kind === 'service').length;
    // To show where thousands of records differ takes minutes.
    t.ok(isDeepStrictEqual(found, whole.get(now)), `${now} services, whole`);
  };
  await killed();
  t.equal(now, 900, 'the first that is seen of it is all of it');
  // From when it has not begun to when it has ended, as long as it took just now.
  const all = answers;
  for (let part = 1; part <= 4; part++) await killed((all * part) / 3.5);
});
