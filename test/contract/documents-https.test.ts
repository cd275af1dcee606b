import { CHECKOUT, runCommand, TestHarbor } from '@harbor/testbed';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { authority, shownAt } from './support/authority.js';
import { folder } from './support/folder.js';

/**
 * The examples of the Port Service's documents about HTTPS, as they stand there; each test is named after its
 * section. Only what the examples leave out is added: the certificates, and the command that is run.
 */
const harbor = await TestHarbor.start(t);
const ours = await authority(t, harbor);
const RUN_WEB = `command: ${process.execPath} ${join(CHECKOUT, 'test/apps/web.js')}\n`;
const HOST = 'harbor-node.example.com';

async function portOf(service: string): Promise<number> {
  const { port } = (await harbor.explain(service)).service;
  if (port === null) throw new Error(`${service} has no port`);
  return port;
}

/** What a client gets that reaches the node by its name, and the port as it is. */
async function get(port: number): Promise<string> {
  const where = ['--resolve', `${HOST}:${port}:127.0.0.1`, `https://${HOST}:${port}/`];
  const { code, stdout, stderr } = await runCommand('curl', ['-sS', '--cacert', ours.ca, ...where]);
  return code === 0 ? stdout : stderr;
}

t.test('HTTPS via Harbor - the application serves HTTPS on the port itself', async (t) => {
  const program = `
    const { readFileSync } = require('fs');
    const [cert, key] = ['crt', 'key'].map((kind) => readFileSync('certs/server.' + kind));
    const answer = (request, response) => response.end('for ' + request.headers.host);
    require('https').createServer({ cert, key }, answer).listen(process.env.STACKATO_HARBOR);`;
  const manifest = `name: own\nservices:\n  my-port: harbor\ncommand: ${process.execPath} server.js\n`;
  const root = folder(t, { 'stackato.yml': manifest, 'server.js': program });
  await ours.sign(root, 'server', HOST);
  harbor.run(t, [], { cwd: root });
  await harbor.backends('my-port', 1);
  const port = await portOf('my-port');
  t.equal(await get(port), `for ${HOST}:${port}`, 'the port is part of the address');
});

t.test('HTTPS Container Proxy', async (t) => {
  const text = 'name: harbor-test-app\n\nservices:\n  custom-cert-https: harbor\n';
  for (const place of ['certs', 'cert'])
    await t.test(`the certificate in the folder ${place}`, async (t) => {
      const root = folder(t, { 'stackato.yml': text + RUN_WEB });
      await ours.sign(root, 'harbor', HOST);
      if (place !== 'certs') await runCommand('mv', [join(root, 'certs'), join(root, place)]);
      const app = harbor.run(t, [], { cwd: root });
      await harbor.backends('custom-cert-https', 1);
      const port = await portOf('custom-cert-https');
      t.match(JSON.parse(await get(port)), { scheme: 'https', port });
      t.match((await harbor.explain(port)).service, { protocol: 'tcp', bindings: ['harbor-test-app'] });
      t.equal(await app.stop(), 0);
      // The next one's backend is not to be taken for this one's.
      await harbor.backends('custom-cert-https', 0);
    });
});

t.test('Multiple SSL Certificates', async (t) => {
  const own = ['harbor-https-custom-1', 'harbor-https-custom-2'];
  const services = [...own, 'other-https', 'without-https-files'];
  const named = services.map((name) => `  ${name}: harbor\n`).join('');
  const root = folder(t, { 'stackato.yml': `name: several\nservices:\n${named}${RUN_WEB}` });
  for (const name of own) await ours.sign(root, name, `${name}.example.com`);
  await ours.sign(root, 'harbor', HOST);
  const shown = async (service: string): Promise<string | undefined> => {
    await harbor.backends(service, 1);
    return (await shownAt(await portOf(service))).subjectaltname;
  };

  await t.test('each port shows the certificate of its service, or else that of harbor.crt', async (t) => {
    const app = harbor.run(t, [], { cwd: root });
    for (const name of own) t.equal(await shown(name), `DNS:${name}.example.com`);
    t.equal(await shown('other-https'), `DNS:${HOST}`);
    t.strictSame((await harbor.explain('without-https-files')).backends, [], 'it has asked for no proxy');
    t.equal(await app.stop(), 0);
    for (const name of services) await harbor.backends(name, 0);
  });

  await t.test(
    'half a pair, as in the picture of the documents, is spoken of until it is whole',
    async (t) => {
      const whole = folder(t, {});
      for (const name of own) await ours.sign(whole, name, `${name}.example.com`);
      rmSync(join(root, 'certs/harbor-https-custom-1.key'));
      rmSync(join(root, 'certs/harbor-https-custom-2.crt'));
      const app = harbor.run(t, [], { cwd: root });
      t.ok(await app.said(/certs\/harbor-https-custom-1\.key/));
      t.ok(await app.said(/certs\/harbor-https-custom-2\.crt/));
      for (const name of own)
        t.strictSame((await harbor.explain(name)).backends, [], 'not that of harbor.crt');
      // Over the half that lies there: without either of its files a service has that of harbor.crt.
      for (const name of own)
        for (const kind of ['key', 'crt'])
          copyFileSync(join(whole, `certs/${name}.${kind}`), join(root, `certs/${name}.${kind}`));
      for (const name of own) t.equal(await shown(name), `DNS:${name}.example.com`);
      await app.stop();
    },
  );
});

t.test('Caveats - connections to several instances take turns', async (t) => {
  const text = 'name: many\ninstances: 3\nservices:\n  many-https: harbor\n';
  const root = folder(t, { 'stackato.yml': text + RUN_WEB });
  await ours.sign(root, 'harbor', HOST);
  harbor.run(t, [], { cwd: root });
  await harbor.backends('many-https', 3);
  const port = await portOf('many-https');
  const heard: number[] = [];
  for (let each = 0; each < 6; each++)
    heard.push((JSON.parse(await get(port)) as { instance: number }).instance);
  t.strictSame(heard, [...heard.slice(0, 3), ...heard.slice(0, 3)]);
  t.equal(new Set(heard).size, 3);
});
