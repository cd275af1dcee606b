import { CHECKOUT, eventually, runCommand, TestHarbor } from '@harbor/testbed';
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
