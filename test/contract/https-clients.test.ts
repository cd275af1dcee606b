import { CHECKOUT, runCommand, TestHarbor } from '@harbor/testbed';
import { join } from 'node:path';
import t from 'tap';
import { authority } from './support/authority.js';
import { browse } from './support/browser.js';
import { folder } from './support/folder.js';

/** What the application says of a request. */
interface Facts {
  readonly instance: number;
  readonly scheme: string;
  readonly port: number;
}

/** What its page says of itself. */
interface Report {
  readonly nextHopProtocol: string;
  readonly secure: boolean;
  readonly echoed: string;
  readonly fetched: Facts;
}

t.test('https clients - what people use reaches a plain HTTP application through its port', async (t) => {
  const harbor = await TestHarbor.start(t);
  const ours = await authority(t, harbor);
  const foreign = await authority(t, harbor);
  const manifest =
    'name: harbor-test-app\ninstances: 2\nservices:\n  custom-cert-https: harbor\n' +
    `command: ${process.execPath} ${join(CHECKOUT, 'test/apps/web.js')}\n`;
  const root = folder(t, { 'stackato.yml': manifest });
  await ours.sign(root, 'harbor', 'localhost');
  harbor.run(t, [], { cwd: root });
  await harbor.backends('custom-cert-https', 2);
  const { service } = await harbor.explain('custom-cert-https');
  const port = Number(service.port);
  const url = `https://localhost:${port}`;

  for (const [flag, version] of [
    ['--http1.1', '1.1'],
    ['--http2', '2'],
  ] as const)
    await t.test(`curl, HTTP/${version}`, async (t) => {
      const curl = (...args: string[]) => runCommand('curl', ['-sS', '--max-time', '20', flag, ...args]);
      const heard: Facts[] = [];
      for (let each = 0; each < 4; each++) {
        const { stdout, stderr } = await curl('--cacert', ours.ca, '-w', ' %{http_version}', `${url}/`);
        const [facts = '', spoken] = stdout.split(' ');
        t.equal(spoken, version, stderr);
        heard.push(JSON.parse(facts) as Facts);
      }
      t.strictSame(heard.map(({ instance }) => instance).sort(), [0, 0, 1, 1], 'the instances take turns');
      for (const each of heard) t.match(each, { scheme: 'https', port });
      t.match(await curl('--cacert', foreign.ca, `${url}/`), { code: 60, stdout: '' }, 'no trust, no answer');
    });

  await t.test('h2load, 2,000 requests of 20 clients', async (t) => {
    for (const kind of [['--h1'], ['-m', '10']]) {
      const { stdout, stderr } = await runCommand('h2load', ['-n', '2000', '-c', '20', ...kind, `${url}/`]);
      t.match(stdout, /status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx/, stderr);
      t.match(stdout, kind[0] === '--h1' ? /Application protocol: http\/1\.1/ : /Application protocol: h2/);
    }
  });

  await t.test('Chromium: a page, fetch and a WebSocket, over HTTP/2', async (t) => {
    const { stdout, stderr } = await browse(t, `${url}/page`, [ours.ca]);
    const [, text] = /<pre>(\{.*\})<\/pre>/.exec(stdout) ?? [];
    t.ok(text, stdout + stderr);
    t.match(JSON.parse(text ?? '{}') as Report, {
      nextHopProtocol: 'h2',
      secure: true,
      echoed: 'is anybody there?',
      fetched: { scheme: 'https', port },
    });
  });

  await t.test('Chromium: refused where it does not trust who signed', async (t) => {
    const { stdout, stderr } = await browse(t, `${url}/page`, [foreign.ca]);
    t.match(stderr, /Page load failed: net::ERR_CERT_AUTHORITY_INVALID/);
    t.notMatch(stdout, 'A page');
  });
});
