import { CHECKOUT, runCommand, temporaryDirectory } from '@harbor/testbed';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
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
