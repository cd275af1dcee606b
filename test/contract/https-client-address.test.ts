import { TestHarbor } from '@harbor/testbed';
import { request } from 'node:https';
import t from 'tap';
import { authority } from './support/authority.js';
import { folder } from './support/folder.js';

/** The `X-Forwarded-For` that the application hears of a client at this address. */
function heard(port: number, localAddress: string): Promise<string> {
  return new Promise((done, failed) => {
    const options = { host: '127.0.0.1', port, localAddress, rejectUnauthorized: false, agent: false };
    request(options, (response) => {
      let text = '';
      response.on('data', (data) => (text += String(data))).on('end', () => done(text));
      response.on('error', failed);
    })
      .on('error', failed)
      .end();
  });
}

t.test('https - with proxy_protocol the application is told where the client is', async (t) => {
  const harbor = await TestHarbor.start(t);
  const ours = await authority(t, harbor);
  const root = folder(t, {});
  await ours.sign(root, 'harbor', 'shared.example');
  const ports: Record<string, number> = {};
  for (const version of ['v1', 'v2']) {
    const { port } = await harbor.create(`${version}-https`, { proxy_protocol: version });
    ports[version] = port;
  }
  const plain = await harbor.create('plain-https');
  const app = `require('http').createServer(({ headers }, to) => to.end(headers['x-forwarded-for'])).listen(process.env.PORT)`;
  const services = ['v1-https', 'v2-https', 'plain-https'].flatMap((name) => ['--service', name]);
  const words = ['--app', 'web', ...services, '--', process.execPath, '-e', app];
  const running = harbor.run(t, words, { cwd: root });
  for (const name of ['v1-https', 'v2-https', 'plain-https']) await harbor.backends(name, 1);
  for (const port of Object.values(ports))
    for (const address of ['127.0.0.9', '127.0.0.10']) t.equal(await heard(port, address), address);
  t.equal(await heard(plain.port, '127.0.0.9'), '127.0.0.1', 'without it the node is all that is seen');
  t.equal(await running.stop(), 0);
});
