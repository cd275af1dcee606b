import { CHECKOUT, runCommand, temporaryDirectory } from '@harbor/testbed';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';

const BIN = join(CHECKOUT, 'bin/harbor');

function place(t: Test) {
  const directory = temporaryDirectory();
  const { path } = directory;
  t.teardown(() => directory.remove());
  return {
    path,
    certs: (...words: string[]) => runCommand(process.execPath, [BIN, 'certs', ...words], { cwd: path }),
  };
}

t.test('certs - a pair for development is made, shown and checked', async (t) => {
  const { path, certs } = place(t);
  t.match(await certs('check', '--service', 'web-https'), {
    code: 1,
    stderr: /certs\/web-https\.crt.*HARBOR_CERTIFICATE_MISSING/,
  });
  t.match(await certs('new', '--service', 'web-https'), {
    code: 0,
    stdout: /for localhost, 127\.0\.0\.1, ::1, until/,
  });
  t.equal(statSync(join(path, 'certs/web-https.key')).mode & 0o777, 0o600);
  t.match(await certs('check', '--service', 'web-https'), {
    code: 0,
    stdout: /^certs\/web-https\.crt: good for localhost/,
  });
  t.match(await certs('new', '--service', 'web-https'), { code: 2, stderr: /already there; --force/ });
  const shown = await certs('show', 'certs/web-https.crt', 'certs/web-https.key');
  t.match(shown.stdout, /signed by {2}itself[^]*private key {2}RSA 2048/);

  writeFileSync(join(path, 'certs/web-https.key'), 'x');
  const { code, stdout } = await certs('check', '--service', 'web-https', '--json');
  t.equal(code, 1);
  t.match(JSON.parse(stdout), {
    servable: false,
    pairs: [{ faults: [{ kind: 'none', file: 'certs/web-https.key' }] }],
  });
});

t.test('certs - an authority of one’s own signs a pair that openssl trusts', async (t) => {
  const { path, certs } = place(t);
  t.match(await certs('new', '--authority', '--service', 'my-ca'), { code: 0 });
  const made = await certs('new', 'a.example', '192.0.2.7', '--ca', 'certs/my-ca.crt', '--json');
  t.match(JSON.parse(made.stdout), { crt: 'certs/harbor.crt', names: ['a.example', '192.0.2.7'] });
  const verified = await runCommand(
    'openssl',
    ['verify', '-CAfile', 'certs/my-ca.crt', '-verify_hostname', 'a.example', 'certs/harbor.crt'],
    { cwd: path },
  );
  t.match(verified, { code: 0, stdout: /OK/ });

  await certs('new', '--authority', '--service', 'my-ca', '--root', 'other');
  const bundle = ['other/certs/my-ca.crt', 'certs/my-ca.crt'].map((file) => readFileSync(join(path, file)));
  writeFileSync(join(path, 'bundle.crt'), Buffer.concat(bundle));
  const among = await runCommand('openssl', ['verify', '-CAfile', 'bundle.crt', 'certs/harbor.crt'], {
    cwd: path,
  });
  t.match(among, { code: 0, stdout: /OK/ }, 'and finds among authorities of the same name');
  t.match(await certs('new', 'b', '--service', 'b', '--ca', 'certs/harbor.crt'), {
    code: 1,
    stderr: /is no authority: make one/,
  });
  t.match(await certs('show', 'missing.crt'), { code: 1, stderr: /missing\.crt cannot be read: ENOENT/ });
});

t.test('certs - an authority that cannot sign is named with the reason', async (t) => {
  const { path, certs } = place(t);
  const openssl = async (line: string): Promise<void> => {
    t.match(await runCommand('openssl', line.split(' '), { cwd: path }), { code: 0 });
  };
  for (const name of ['ec', 'locked', 'mine', 'foreign']) {
    const key = name === 'ec' ? 'ec -pkeyopt ec_paramgen_curve:P-256' : 'rsa:2048';
    const lock = name === 'locked' ? '-passout pass:secret' : '-nodes';
    await openssl(`req -x509 -newkey ${key} ${lock} -subj /CN=${name} -keyout ${name}.key -out ${name}.crt`);
  }
  writeFileSync(join(path, 'damaged.crt'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  writeFileSync(join(path, 'damaged.key'), '');
  for (const [words, reason] of [
    ['--ca ec.crt', /ec\.crt has a key of EC prime256v1: .* RSA alone/],
    ['--ca locked.crt', /locked\.key is encrypted: .*openssl pkey/],
    ['--ca mine.crt --ca-key foreign.key', /foreign\.key is not the key of mine\.crt/],
    ['--ca damaged.crt', /damaged\.crt is no authority/],
    ['--ca mine.crt --ca-key damaged.key', /damaged\.key holds no private key/],
  ] as const)
    t.match(await certs('new', ...words.split(' ')), { code: 1, stderr: reason });
  t.notOk(existsSync(join(path, 'certs')), 'nothing is written');
});

t.test('certs - a key that is put in the place of another is its owner’s alone', async (t) => {
  const { path, certs } = place(t);
  await certs('new');
  chmodSync(join(path, 'certs/harbor.key'), 0o644);
  t.match(await certs('new', '--force'), { code: 0 });
  t.equal(statSync(join(path, 'certs/harbor.key')).mode & 0o777, 0o600);
});
