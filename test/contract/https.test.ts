import { makeCertificate } from '@harbor/certificates';
import {
  CHECKOUT,
  runCommand,
  startCommand,
  temporaryDirectory,
  TestHarbor,
  eventually,
} from '@harbor/testbed';
import { join } from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import t from 'tap';

/** The documents' "HTTPS Container Proxy" and "Multiple SSL Certificates", as written there. */
t.test('https - an application that speaks plain HTTP is reached by HTTPS at its ports', async (t) => {
  const harbor = await TestHarbor.start(t);
  const root = temporaryDirectory();
  t.teardown(() => root.remove());
  const at = (name: string): string => join(root.path, name);
  const days = { days: 30, now: new Date() };
  const signer = makeCertificate({ name: 'Test CA', authority: true, ...days });
  writeFileSync(at('ca.crt'), signer.certificate);
  mkdirSync(at('certs'));
  for (const [file, host] of [
    ['harbor', 'shared.example'],
    ['harbor-https-custom-1', 'one.example'],
  ] as const) {
    const { certificate, key } = makeCertificate({ name: host, names: [host], signer, ...days });
    writeFileSync(at(`certs/${file}.crt`), certificate);
    writeFileSync(at(`certs/${file}.key`), key);
  }
  const shared = await harbor.create('custom-cert-https');
  // A name has the suffix https where the proxy is to stand; `harbor-https-custom-1` asks for none.
  const plain = await harbor.create('harbor-https-custom-1');
  const services = ['--service', 'custom-cert-https', '--service', 'harbor-https-custom-1'];
  const program = `require('http').createServer((q, r) => r.end(q.headers['x-forwarded-proto'] + ' ' + q.headers['x-forwarded-port'] + ' ' + process.env.VCAP_APP_PORT)).listen(process.env.PORT, '127.0.0.1')`;
  const child = startCommand(
    process.execPath,
    [
      join(CHECKOUT, 'bin/harbor'),
      'run',
      '--app',
      'harbor-test-app',
      '--instances',
      '2',
      ...services,
      '--',
      process.execPath,
      '-e',
      program,
    ],
    { env: harbor.env, cwd: root.path, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const lines: string[] = [];
  for (const input of [child.stdout, child.stderr])
    if (input) createInterface({ input }).on('line', (line) => lines.push(line));
  const ended = new Promise((done) => child.once('exit', done));
  t.teardown(() => {
    child.kill('SIGTERM');
    return ended;
  });
  await harbor.backends('custom-cert-https', 2);

  const curl = (host: string, port: number, ...more: string[]) =>
    runCommand('curl', [
      '-sS',
      '--cacert',
      at('ca.crt'),
      '--resolve',
      `${host}:${port}:127.0.0.1`,
      ...more,
      `https://${host}:${port}/`,
    ]);
  const answers = new Set<string>();
  for (let each = 0; each < 4; each++) {
    const { code, stdout, stderr } = await curl(
      'shared.example',
      shared.port,
      each % 2 ? '--http2' : '--http1.1',
    );
    t.equal(code, 0, stderr + lines.join('\n'));
    t.match(stdout, new RegExp(`^https ${shared.port} \\d+$`));
    answers.add(stdout);
  }
  t.equal(answers.size, 2, 'both instances answer');
  t.match(
    await harbor.explain('harbor-https-custom-1'),
    { backends: [] },
    'no proxy stands before the other',
  );
  t.ok(plain.port);

  const { certificate, key } = makeCertificate({
    name: 'own.example',
    names: ['own.example'],
    signer,
    ...days,
  });
  writeFileSync(at('certs/custom-cert-https.crt'), certificate);
  writeFileSync(at('certs/custom-cert-https.key'), key);
  await eventually(
    'the certificate of its own to be served',
    async () => (await curl('own.example', shared.port)).code === 0,
  );

  child.kill('SIGINT');
  await ended;
  t.notMatch((await runCommand('ps', ['-eo', 'args'])).stdout, root.path, 'no proxy is left');
});
