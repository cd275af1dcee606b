import type { Backend, Route } from '@harbor/core';
import fc from 'fast-check';
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { kernelRule, renderChange, renderTable, type KernelRule, type PlaneRules } from '../src/index.js';

const PLANE: PlaneRules = { families: ['ip', 'ip6'], maxConnections: 0, idleTimeout: null };

function backend(host: string, index: number, transport: 'tcp' | 'udp' = 'tcp'): Backend {
  const base = { service: 's', transport, port: 8000 + index, dea: 'd', app: 'a', since: 0 } as const;
  return { ...base, host, instance: `i${index}`, index, order: 100 - index };
}

function route(backends: readonly Backend[], policy: Route['policy'] = {}, port = 35_000): Route {
  const transport = backends[0]?.transport ?? 'tcp';
  return { key: `${transport}/${port}`, port, transport, service: 's', backends, policy };
}

function rule(each: Route, alive: (backend: Backend) => boolean = () => true): KernelRule | undefined {
  return kernelRule(each, alive, PLANE);
}

t.test('rules - TCP goes to all that are alive, in the order of their turns', (t) => {
  const all = [backend('10.0.0.2', 1), backend('10.0.0.1', 0), backend('10.0.0.3', 2)];
  t.match(rule(route(all)), {
    family: 'ip',
    targets: [{ host: '10.0.0.1' }, { host: '10.0.0.2' }, { host: '10.0.0.3' }],
    masquerade: true,
  });
  t.match(
    rule(route(all), ({ index }) => index !== 1),
    { targets: [{ host: '10.0.0.1' }, { host: '10.0.0.3' }] },
  );
  t.equal(
    rule(route(all), () => false),
    undefined,
    'without one that is alive it is the relay that resets',
  );
  t.end();
});

t.test('rules - UDP goes to the one that came first', (t) => {
  const all = [backend('10.0.0.1', 0, 'udp'), backend('10.0.0.2', 5, 'udp')];
  t.strictSame(rule(route(all))?.targets, [{ host: '10.0.0.2', port: 8005 }]);
  t.end();
});

t.test('rules - what the kernel cannot do the relay does', (t) => {
  const one = [backend('10.0.0.1', 0)];
  for (const [what, each] of Object.entries({
    'a backend on loopback': route([backend('127.0.0.1', 0)]),
    'one of several on loopback': route([...one, backend('127.0.0.2', 1)]),
    'a link-local backend': route([backend('fe90::1', 0)]),
    'backends of both families': route([...one, backend('fd00::1', 1)]),
    'PROXY protocol': route(one, { proxyProtocol: 'v2' }),
    'an idle timeout': route(one, { idleTimeout: 10 }),
    'that it was asked for': route(one, { plane: 'embedded' }),
    'clients of the other family only': route(one, { allow: ['fd00::/8'] }),
  }))
    t.equal(rule(each), undefined, what);
  const silent = route([backend('10.0.0.1', 0, 'udp')], { idleTimeout: 10 });
  t.equal(rule(silent), undefined, 'an idle timeout of UDP');
  const elsewhere: PlaneRules = { ...PLANE, families: ['ip6'] };
  t.equal(
    kernelRule(route(one), () => true, elsewhere),
    undefined,
    'a family not forwarded here',
  );
  t.end();
});

const SAMPLES: readonly Route[] = [
  route(
    [backend('10.0.0.1', 0), backend('10.0.0.2', 1)],
    { deny: ['10.9.0.0/16', '10.8.0.1/32', 'fd00::/8'] },
    35_001,
  ),
  route([backend('fd00::1', 0), backend('fd00::2', 1)], { allow: ['fd00::/8'], maxConnections: 20 }, 35_002),
  route([backend('10.0.0.3', 0, 'udp')], { preserveClientIp: true }, 35_003),
  route([backend('fd00::3', 0, 'udp')], { maxConnections: 5 }, 35_004),
  route([backend('10.0.0.4', 0)], {}, 35_005),
];

/** packages/nftables/dist/test → the sources. */
const GOLDEN = new URL('../../test/golden/', import.meta.url);

function golden(t: Pick<Tap, 'equal'>, name: string, text: string): void {
  const path = new URL(name, GOLDEN);
  if (process.env.HARBOR_WRITE_DOCS === '1') writeFileSync(path, text);
  t.equal(text, readFileSync(path, 'utf8'), name);
}

type Tap = typeof t;

t.test('render - the whole table, as one transaction', (t) => {
  const rules = SAMPLES.flatMap((each) => rule(each) ?? []);
  t.equal(rules.length, 5);
  golden(t, 'table.nft', renderTable(rules, '0.0.0.0'));
  golden(t, 'table-one-address.nft', renderTable([], '192.0.2.1'));
  t.equal(
    renderTable([...rules].reverse(), '0.0.0.0'),
    renderTable(rules, '0.0.0.0'),
    'in any order the same',
  );
  t.end();
});

t.test('render - one more port or backend is one small change', (t) => {
  const [two] = SAMPLES.map((each) => rule(each));
  const one = rule({ ...SAMPLES[0]!, backends: SAMPLES[0]!.backends.slice(1) });
  const [open, more, moved] = [[0], [0, 1], [1]].map((which) =>
    rule(route(which.map((at) => backend(`10.0.0.${at + 1}`, at)))),
  );
  const steps = {
    added: [undefined, two],
    changed: [two, one],
    removed: [one, undefined],
    same: [two, two],
    'added, open to all': [undefined, open],
    'one more backend': [open, more],
    'one backend less': [more, open],
    'another backend': [open, moved],
    'removed, open to all': [open, undefined],
  } as const;
  const text = Object.entries(steps).map(([name, [from, to]]) =>
    [`# ${name}`, ...renderChange(from, to), ''].join('\n'),
  );
  golden(t, 'changes.nft', text.join('\n'));
  t.end();
});

t.test('render - nothing but parsed values reaches a rule, whatever a route holds', (t) => {
  const hosts = fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (all, port) => {
      const backends = all.map((each, at) => backend(each, at));
      const found = rule(route(backends, {}, port));
      const text = found ? renderTable([found], '0.0.0.0') : '';
      return (
        /^[\w\s{}.:;,/@!=&"[\]-]*$/.test(text) && (text === '' || text.split('delete table').length === 2)
      );
    }),
  );
  t.end();
});
