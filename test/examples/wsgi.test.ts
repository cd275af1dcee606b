import { CHECKOUT, runCommand, temporaryDirectory, TestHarbor } from '@harbor/testbed';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { harborCommandsOf, startExample } from './support/example.js';

/** How clients reach the application: where, and what curl needs for it. */
interface Way {
  readonly url: string;
  readonly scheme: 'http' | 'https';
  readonly curl: readonly string[];
  readonly home: string;
}

t.test('examples, WSGI - a plain HTTP application behind a port', async (t) => {
  const harbor = await TestHarbor.start(t);
  const { port } = await startExample(t, harbor, 'wsgi');
  const plain: Way = { url: `http://127.0.0.1:${port}`, scheme: 'http', curl: [], home: harbor.home };

  await t.test('over plain HTTP', (t) => answers(t, plain));

  await t.test('a body that cannot be is refused', async (t) => {
    const post = (length: string): Promise<string> => {
      const socket = connect(port, '127.0.0.1');
      socket.end(`POST /echo HTTP/1.0\r\nContent-Length: ${length}\r\n\r\n`);
      return text(socket);
    };
    t.match(await post('-1'), / 400 [^]*Content-Length is no number/);
    t.match(await post('1e3'), / 400 /);
    t.match(await post('9'.repeat(5_000)), / 400 /);
    t.match(await post('1048577'), / 413 [^]*at most 1048576 bytes/);
  });

  await t.test('connections that say nothing do not stop the others', async (t) => {
    // However they end: it is the others that count.
    const silent = Array.from({ length: 20 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    t.teardown(() => silent.forEach((socket) => socket.destroy()));
    await answers(t, plain);
  });
});

t.test('examples, WSGI - behind the HTTPS proxy', async (t) => {
  const harbor = await TestHarbor.start(t);
  const root = temporaryDirectory();
  t.teardown(() => root.remove());
  // The README types the same in the checkout, where a test leaves nothing behind.
  for (const file of ['app.py', 'stackato.yml'])
    copyFileSync(join(CHECKOUT, 'examples/wsgi', file), join(root.path, file));
  const typed = harborCommandsOf('wsgi').map((words) =>
    words.map((word) => word.replace(/^examples\/wsgi/, root.path)),
  );
  const make = typed.find(([name]) => name === 'certs') ?? [];
  const [, ...words] = typed.find(([name, next]) => name === 'run' && next === '--manifest') ?? [];
  t.match(await harbor.harbor(...make), { code: 0 });
  harbor.run(t, words);
  await harbor.backends('wsgi-https', 2);
  const { port } = (await harbor.explain('wsgi-https')).service;
  const curl = ['--cacert', join(root.path, 'certs/harbor.crt')];
  await answers(t, { url: `https://localhost:${port}`, scheme: 'https', curl, home: harbor.home });
});

/** What holds however clients come: to be called for each way in. */
async function answers(t: Test, { url, scheme, curl, home }: Way): Promise<void> {
  const get = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCommand('curl', ['-sS', '--max-time', '30', ...curl, ...args]);
    t.equal(code, 0, stderr);
    return stdout;
  };
  const facts: { instance: number; scheme: string; client: string; host: string }[] = [];
  for (let times = 0; times < 4; times++)
    facts.push(JSON.parse(await get(`${url}/`)) as (typeof facts)[number]);
  t.strictSame(facts.map(({ instance }) => instance).sort(), [0, 0, 1, 1], 'the instances take turns');
  for (const each of facts) t.match(each, { scheme, client: '127.0.0.1', host: new URL(url).host });

  const [sent, received] = [join(home, 'sent'), join(home, 'received')];
  writeFileSync(sent, randomBytes(1_024 * 1_024));
  await get('--data-binary', `@${sent}`, '-o', received, `${url}/echo`);
  t.equal(digest(received), digest(sent), 'a body comes back, every byte in its place');
  t.match(await get('-i', `${url}/nothing`), /^HTTP\/\S+ 404[^]*there is GET \/ and POST \/echo/);
  t.match(await get('-I', `${url}/`), /^HTTP\/\S+ 200[^]*content-length: \d{2}/i);
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
