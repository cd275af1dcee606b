import { CHECKOUT, eventually, runCommand, TestHarbor } from '@harbor/testbed';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import t from 'tap';
import { authority, shownAt } from './support/authority.js';
import { folder } from './support/folder.js';

t.test(
  'https - a certificate that comes later is shown by every instance, and no proxy is left',
  async (t) => {
    const harbor = await TestHarbor.start(t);
    const ours = await authority(t, harbor);
    const root = folder(t, {});
    await ours.sign(root, 'harbor', 'shared.example');
    const { port } = await harbor.create('custom-cert-https');
    const web = [process.execPath, join(CHECKOUT, 'test/apps/web.js')];
    const words = ['--app', 'web', '--instances', '2', '--service', 'custom-cert-https'];
    const app = harbor.run(t, [...words, '--', ...web], { cwd: root });
    await harbor.backends('custom-cert-https', 2);
    const shown = async (): Promise<string> => {
      const inTurns = [await shownAt(port), await shownAt(port)];
      return inTurns.map(({ subjectaltname }) => subjectaltname).join();
    };
    t.equal(await shown(), 'DNS:shared.example,DNS:shared.example');

    await ours.sign(root, 'custom-cert-https', 'own.example');
    await eventually('theirs to be shown', async () => (await shown()) === 'DNS:own.example,DNS:own.example');

    t.equal(await app.stop(), 0);
    t.notMatch((await runCommand('ps', ['-eo', 'args'])).stdout, root, 'no proxy is left');
  },
);

t.test('https - requests under way are answered before the application is told to end', async (t) => {
  const harbor = await TestHarbor.start(t);
  const ours = await authority(t, harbor);
  const root = folder(t, {});
  await ours.sign(root, 'harbor', 'shared.example');
  const { port } = await harbor.create('custom-cert-https');
  // It ends at the first SIGTERM, whatever it is doing.
  const echo = `require('http').createServer((from, to) => from.pipe(to)).listen(process.env.PORT)`;
  // Nothing is cut, however long a busy machine takes to have the proxy stop.
  const run = ['--app', 'web', '--service', 'custom-cert-https', '--kill-timeout', '60'];
  const words = [...run, '--', process.execPath, '-e', echo];
  const app = harbor.run(t, words, { cwd: root });
  await app.said(/serves tcp/);
  const upload = request({ host: '127.0.0.1', port, method: 'POST', rejectUnauthorized: false });
  upload.write('early, ');
  const [response] = (await once(upload, 'response')) as [IncomingMessage];
  let text = '';
  response.on('data', (data) => (text += String(data)));
  const stopped = app.stop();
  await app.said(/instance 0 stops/);
  await eventually('its proxy to take no more', () =>
    shownAt(port).then(
      () => false,
      () => true,
    ),
  );
  upload.end('late');
  await once(response, 'end');
  t.equal(text, 'early, late');
  t.equal(await stopped, 0);
});
