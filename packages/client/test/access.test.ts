import { freePort, startNats, temporaryDirectory } from '@harbor/testbed';
import forge from 'node-forge';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { optionsOf } from '../src/connection.js';
import { registerBackend, type NatsWhere } from '../src/index.js';

const at = { service: 'service-1', host: '127.0.0.1', port: 4100 };

/** Registers, and closes again. */
async function tryOut(nats: NatsWhere): Promise<string> {
  const registration = await registerBackend({ nats, ...at });
  await registration.close();
  return 'registered';
}

t.test('nats - a login stands in the URL, and a wrong one is refused', async (t) => {
  const server = await startNats(['--user', 'me', '--pass', 'p@ss:word']);
  t.teardown(() => server.stop());
  const { port } = server;
  t.equal(await tryOut(`nats://me:${encodeURIComponent('p@ss:word')}@127.0.0.1:${port}`), 'registered');
  t.equal(
    await tryOut({ servers: `127.0.0.1:${port}`, user: 'me', pass: 'p@ss:word' }),
    'registered',
    'as options',
  );
  for (const login of ['', 'me:wrong@'])
    await t.rejects(tryOut(`nats://${login}127.0.0.1:${port}`), { code: 'HARBOR_CLIENT_NATS_REFUSED' });
});

t.test('nats - a token stands in the URL, too', async (t) => {
  const server = await startNats(['--auth', 'token-1']);
  t.teardown(() => server.stop());
  t.equal(await tryOut(`nats://token-1@127.0.0.1:${server.port}`), 'registered');
});

t.test('nats - of several servers one has to answer', async (t) => {
  const server = await startNats();
  t.teardown(() => server.stop());
  const dead = `nats://127.0.0.1:${await freePort()}`;
  t.equal(await tryOut([dead, server.url]), 'registered');
  t.equal(await tryOut(`${dead}, ${server.url}`), 'registered', 'with commas between');
});

t.test('nats - TLS, with the CA that is given and with no other', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const [certificate, key] = [join(directory.path, 'crt'), join(directory.path, 'key')];
  const pair = selfSigned();
  writeFileSync(certificate, pair.certificate);
  writeFileSync(key, pair.key);
  const server = await startNats(['--tls', '--tlscert', certificate, '--tlskey', key]);
  t.teardown(() => server.stop());
  const servers = `127.0.0.1:${server.port}`;
  t.equal(await tryOut({ servers, tls: { caFile: certificate } }), 'registered');
  await t.rejects(tryOut(`tls://${servers}`), { code: 'HARBOR_CLIENT_NATS_UNAVAILABLE' });
});

t.test('nats - URLs become what the nats package wants', async (t) => {
  t.strictSame(optionsOf('localhost'), { servers: ['localhost:4222'] });
  t.strictSame(optionsOf('tls://[::1]:4333'), { servers: ['[::1]:4333'], tls: {} });
  for (const wrong of ['', 'http://127.0.0.1', 'nats://', [] as string[]])
    t.throws(() => optionsOf(wrong), { code: 'HARBOR_CLIENT_OPTIONS' }, String(wrong));
  t.throws(() => optionsOf('http://me:secret@host'), { message: /^http:\/\/host is no address/ });
});

function selfSigned(): { readonly certificate: string; readonly key: string } {
  const keys = forge.pki.rsa.generateKeyPair(2_048);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = '01';
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
  const name = [{ name: 'commonName', value: 'localhost' }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true },
    { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
  ]);
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  return {
    certificate: forge.pki.certificateToPem(certificate),
    key: forge.pki.privateKeyToPem(keys.privateKey),
  };
}
