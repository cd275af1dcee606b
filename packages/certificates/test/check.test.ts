import type { HarborError } from '@harbor/core';
import { runCommand, temporaryDirectory } from '@harbor/testbed';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkPair, findPairs, makeCertificate, readCertificates, type Made } from '../src/index.js';

const now = new Date('2030-05-01T00:00:00Z');
const soon = { days: 365, now };
const files = { root: '', crt: 'certs/web-https.crt', key: 'certs/web-https.key' };

/** An application's root with these files in `certs`. */
function rootWith(t: Test, contents: Readonly<Record<string, string>>, folder = 'certs'): string {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  mkdirSync(join(directory.path, folder));
  for (const [name, text] of Object.entries(contents))
    writeFileSync(join(directory.path, folder, name), text);
  return directory.path;
}

function check(t: Test, crt: string | undefined, key: string | undefined, options: object = {}) {
  const root = rootWith(t, {
    ...(crt === undefined ? {} : { 'web-https.crt': crt }),
    ...(key === undefined ? {} : { 'web-https.key': key }),
  });
  return checkPair({ ...files, root }, { now, ...options });
}

/** The only fault there is, with its sentence. */
function only(t: Test, checked: ReturnType<typeof checkPair>, level: string, sentence: RegExp): void {
  t.match(checked.faults, [{ level, message: sentence }]);
  t.equal(checked.faults.length, 1, checked.faults.map(({ message }) => message).join('\n'));
}

t.test('check - a pair that is well has no fault, with its chain or without', async (t) => {
  const ca = makeCertificate({ name: 'Test CA', authority: true, ...soon });
  const made = makeCertificate({ name: 'a.example', names: ['a.example', '10.0.0.1'], signer: ca, ...soon });
  t.strictSame(check(t, made.certificate, made.key).faults, []);
  const chained = check(t, made.certificate + ca.certificate, made.key);
  t.strictSame(chained.faults, []);
  t.strictSame(
    chained.chain.map(({ subject, issuer, names, authority, key }) => [
      subject,
      issuer,
      names,
      authority,
      key,
    ]),
    [
      ['CN=a.example', 'CN=Test CA', ['a.example', '10.0.0.1'], false, 'RSA 2048'],
      ['CN=Test CA', 'CN=Test CA', ['Test CA'], true, 'RSA 2048'],
    ],
  );
});

t.test('check - each fault is a sentence that names the file and the fix', async (t) => {
  const ca = makeCertificate({ name: 'Test CA', authority: true, ...soon });
  const one = makeCertificate({ name: 'a.example', names: ['a.example'], signer: ca, ...soon });
  const other = makeCertificate({ name: 'b.example', names: ['b.example'], ...soon });
  const damaged = one.certificate.replace(/\n.{20}/, `\n${'A'.repeat(20)}`);

  only(t, check(t, undefined, one.key), 'error', /^certs\/web-https\.crt is missing: put the certificate of/);
  only(
    t,
    check(t, one.certificate, undefined),
    'error',
    /^certs\/web-https\.key is missing: put the private/,
  );
  only(t, check(t, 'hello', one.key), 'error', /^certs\/web-https\.crt holds no certificate: put one there/);
  only(
    t,
    check(t, damaged, one.key),
    'error',
    /^certs\/web-https\.crt holds a certificate that is damaged: copy/,
  );
  only(
    t,
    check(t, one.certificate, 'x'),
    'error',
    /^certs\/web-https\.key holds no private key: put one there/,
  );
  only(
    t,
    check(t, one.certificate, other.key),
    'error',
    /web-https\.key is not the key of .*\.crt: put the key/,
  );
  const strange = check(t, one.certificate + other.certificate, one.key);
  only(t, strange, 'error', /has CN=a\.example above CN=b\.example, which did not sign it: put/);
  const swapped = check(t, ca.certificate + one.certificate, one.key);
  t.match(swapped.faults, [
    { message: /crt has the server's own certificate at place 2: move it to the top/ },
  ]);
  const key = one.key.replace(/\n.{40}/, `\n${'B'.repeat(40)}`);
  only(
    t,
    check(t, one.certificate, key),
    'error',
    /web-https\.key holds a private key that is damaged: copy/,
  );
});

t.test('check - dates and names are warnings: it is served', async (t) => {
  const pair = (more: object): Made =>
    makeCertificate({ name: 'a.example', names: ['a.example'], ...soon, ...more });
  const old = pair({ now: new Date('2030-04-01'), days: 10 });
  only(t, check(t, old.certificate, old.key), 'warning', /crt expired on 2030-04-11: put a new certificate/);
  const ending = pair({ days: 10 });
  only(t, check(t, ending.certificate, ending.key), 'warning', /crt expires on 2030-05-11: put a new/);
  const early = pair({ now: new Date('2030-06-01') });
  only(
    t,
    check(t, early.certificate, early.key),
    'warning',
    /crt is good from 2030-05-31 on: check the clock/,
  );
  const bare = pair({ names: [] });
  only(
    t,
    check(t, bare.certificate, bare.key),
    'warning',
    /names a\.example in its subject only: make it again/,
  );
});

t.test('check - elliptic keys, encrypted keys and the certificates that OpenSSL makes', async (t) => {
  const dir = temporaryDirectory();
  t.teardown(() => dir.remove());
  const at = (name: string): string => join(dir.path, name);
  const openssl = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCommand('openssl', args);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  const subject = [
    '-subj',
    '/CN=ec.example',
    '-addext',
    'subjectAltName=DNS:ec.example,IP:::1',
    '-days',
    '9000',
  ];
  for (const kind of [['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], ['ed25519'], ['rsa:2048']]) {
    const newkey = ['-newkey', ...kind, '-keyout', at('key'), '-out', at('crt')];
    await openssl('req', '-x509', '-nodes', ...newkey, ...subject);
    const crt = await openssl('x509', '-in', at('crt'));
    const key = await openssl('pkey', '-in', at('key'));
    const checked = check(t, crt, key);
    t.strictSame(checked.faults, [], kind.join(' '));
    t.equal(checked.chain[0]?.names[0], 'ec.example');
    const locked = await openssl('pkey', '-in', at('key'), '-aes256', '-passout', 'pass:open sesame');
    only(
      t,
      check(t, crt, locked),
      'error',
      /key is encrypted: give its passphrase in HARBOR_HTTPS_PROXY_PASS/,
    );
    only(
      t,
      check(t, crt, locked, { passphrase: 'x' }),
      'error',
      /key cannot be decrypted: correct the passphr/,
    );
    t.strictSame(check(t, crt, locked, { passphrase: 'open sesame' }).faults, []);
    const other = makeCertificate({ name: 'x', names: ['x'], ...soon });
    only(t, check(t, crt, other.key), 'error', /is not the key of/);
  }
  t.strictSame(readCertificates('nothing'), []);
});

t.test('find - the service’s own pair comes before harbor, certs before cert', async (t) => {
  const crts = (root: string): string[] => findPairs(root, 'web-https').map(({ crt }) => crt);
  const harbor = { 'harbor.crt': '', 'harbor.key': '' };
  t.strictSame(crts(rootWith(t, harbor)), ['certs/harbor.crt']);
  t.strictSame(crts(rootWith(t, harbor, 'cert')), ['cert/harbor.crt'], 'the folder’s other name');
  t.strictSame(crts(rootWith(t, { ...harbor, 'web-https.crt': '', 'web-https.key': '' })), [
    'certs/web-https.crt',
  ]);
  t.strictSame(crts(rootWith(t, { ...harbor, 'web-https.key': '' })), ['certs/web-https.crt'], 'half a pair');
  const several = { 'web-https.b.example.crt': '', 'web-https.b.example.key': '', 'web-https-2.crt': '' };
  t.strictSame(
    crts(rootWith(t, { ...several, 'web-https.crt': '', 'web-https.key': '' })),
    ['certs/web-https.crt', 'certs/web-https.b.example.crt'],
    'several for one service; another service’s is not among them',
  );
  const empty = temporaryDirectory();
  t.teardown(() => empty.remove());
  try {
    findPairs(empty.path, 'web-https');
    t.fail('nothing is there');
  } catch (thrown) {
    t.match(thrown, { code: 'HARBOR_CERTIFICATE_MISSING' });
    for (const name of ['certs/web-https.crt', 'cert/web-https.key', 'certs/harbor.crt', 'cert/harbor.key'])
      t.match((thrown as HarborError).message, name);
  }
});
