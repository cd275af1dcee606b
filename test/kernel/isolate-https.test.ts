import { buildLab, CHECKOUT, runCommand, TestHarbor } from '@harbor/testbed';
import { join } from 'node:path';
import t from 'tap';
import { authority } from '../contract/support/authority.js';
import { folder } from '../contract/support/folder.js';
import { noLab } from './support/stage.js';

t.test('harbor run --isolate - the HTTPS proxy stands in each network', { skip: noLab }, async (t) => {
  const lab = await buildLab(t);
  const { client, harbor: host } = lab;
  const harbor = await TestHarbor.start(t, { netns: host.netns, env: { HARBOR_NODE_HOST: host.ipv4 } });
  const ours = await authority(t, harbor);
  const manifest =
    'name: harbor-test-app\ninstances: 2\nservices:\n  custom-cert-https: harbor\n' +
    `command: ${process.execPath} ${join(CHECKOUT, 'test/apps/web.js')}\n`;
  const root = folder(t, { 'stackato.yml': manifest });
  await ours.sign(root, 'harbor', host.ipv4);
  const app = harbor.run(t, ['--isolate'], { cwd: root });
  const backends = await harbor.backends('custom-cert-https', 2);
  t.equal(new Set(backends.map(({ address }) => address)).size, 2);

  const { port } = (await harbor.explain('custom-cert-https')).service;
  const heard: { readonly instance: number }[] = [];
  for (let each = 0; each < 4; each++) {
    const where = ['--cacert', ours.ca, `https://${host.ipv4}:${port}/`];
    const curl = await runCommand('curl', ['-sS', '--max-time', '20', ...where], { netns: client.netns });
    t.equal(curl.code, 0, curl.stderr);
    heard.push(JSON.parse(curl.stdout) as (typeof heard)[number]);
  }
  for (const each of heard) t.match(each, { scheme: 'https', port });
  t.strictSame(heard.map(({ instance }) => instance).sort(), [0, 0, 1, 1], 'the instances take turns');

  t.equal(await app.stop(), 0);
  t.notMatch((await runCommand('ps', ['-eo', 'args'])).stdout, root, 'no proxy is left');
  t.notMatch((await runCommand('ip', ['netns'])).stdout, `harbor-run-${app.pid}-`, 'and no network');
});
