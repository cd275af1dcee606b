import { ManualClock } from '@harbor/core';
import { temporaryDirectory } from '@harbor/testbed';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeCertificate, watchCertificates, type Made } from '../src/index.js';

const DAY = 86_400_000;

function made(name: string, days = 365): Made {
  return makeCertificate({ name, names: [name, `*.${name}`], days, now: new Date() });
}

/** A served application root, and what was told of its certificates. */
function watched(t: Test, pairs: Readonly<Record<string, Made>>) {
  const directory = temporaryDirectory();
  const certs = join(directory.path, 'certs');
  mkdirSync(certs);
  const put = (name: string, { certificate, key }: Partial<Made>): void => {
    if (certificate !== undefined) writeFileSync(join(certs, `${name}.crt`), certificate);
    if (key !== undefined) writeFileSync(join(certs, `${name}.key`), key);
  };
  for (const [name, pair] of Object.entries(pairs)) put(name, pair);
  const clock = new ManualClock(Date.now());
  const told: string[] = [];
  const options = { root: directory.path, service: 'web-https', env: {}, clock };
  const certificates = watchCertificates(options, {
    onChange: (served) => told.push(`changed ${served.leaves[0]?.certificate.subject ?? ''}`),
    onBad: ({ message }) => told.push(`bad ${message}`),
    onFaults: ({ faults }) => told.push(...faults.map(({ kind }) => kind)),
  });
  t.teardown(() => {
    certificates.close();
    directory.remove();
  });
  return { certificates, clock, told, put, certs };
}

t.test('watched - a good new pair is served, a bad one is reported once and the old one kept', async (t) => {
  const { certificates, clock, told, put, certs } = watched(t, { harbor: made('a.example') });
  const first = certificates.served.context;

  const next = made('b.example');
  put('harbor', { certificate: next.certificate });
  clock.advance(2_000);
  t.match(told, [/^bad web-https cannot be served: certs\/harbor\.key is not the key of/]);
  t.equal(certificates.served.context, first, 'the old one is kept');
  clock.advance(60_000);
  t.equal(told.length, 1, 'it is said once');

  put('harbor', { key: next.key });
  clock.advance(2_000);
  t.equal(told[1], 'changed CN=b.example');
  t.not(certificates.served.context, first);

  rmSync(certs, { recursive: true });
  clock.advance(2_000);
  t.match(told[2], /^bad web-https has no certificate in/);
  mkdirSync(certs);
  put('web-https', made('c.example'));
  clock.advance(2_000);
  t.equal(told[3], 'changed CN=c.example', 'the service’s own comes before harbor');
});

t.test('watched - an expired pair is served, with a warning each day', async (t) => {
  const { clock, told } = watched(t, { harbor: made('a.example', 0) });
  t.strictSame(told, ['expired']);
  for (let day = 0; day < 2; day++) clock.advance(DAY);
  t.strictSame(told, ['expired', 'expired', 'expired']);
});

t.test('watched - one that expires while a bad pair lies in its place is warned of, too', async (t) => {
  const { clock, told, put } = watched(t, { harbor: made('a.example', 1) });
  put('harbor', { key: made('b.example').key });
  clock.advance(2_000);
  t.match(told, ['expires', /^bad web-https cannot be served/]);
  clock.advance(DAY);
  t.strictSame(told.slice(2), ['expired']);
});

t.test('watched - the name a client asks for chooses among several pairs', async (t) => {
  const { certificates } = watched(t, { 'web-https': made('a.example'), 'web-https.b': made('b.example') });
  const { served } = certificates;
  const second = served.contextFor('b.example');
  t.not(second, served.context);
  t.equal(served.contextFor('A.example'), served.context);
  t.equal(served.contextFor('x.B.example'), second, 'a wildcard stands for one label');
  t.equal(served.contextFor('y.x.b.example'), served.context, 'and not for two');
  t.equal(served.contextFor('unknown.example'), served.context, 'the first one where nobody fits');
});

t.test('watched - nothing to serve at the start is an error', async (t) => {
  t.throws(() => watched(t, {}), { code: 'HARBOR_CERTIFICATE_MISSING' });
  const { certificate } = made('a.example');
  const { key } = made('a.example');
  t.throws(() => watched(t, { harbor: { certificate, key } }), { code: 'HARBOR_CERTIFICATE_INVALID' });
});
