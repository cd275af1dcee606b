import t from 'tap';
import { inKernel, instance, noLab, stage } from './support/stage.js';

t.test(
  'kato stop - the kernel forwards on, and that is said; --flush ends it',
  { skip: noLab },
  async (t) => {
    const here = await stage(t);
    const { client, harbor: host, one } = here.lab;
    const { harbor } = here;
    const tables = async (): Promise<string> => host.run('nft', 'list', 'tables');
    t.notMatch(await harbor.must('kato', 'stop'), /kernel/, 'it forwards nothing, so nothing is said');
    await harbor.must('kato', 'start');

    const web = await harbor.create('web');
    await instance(here, web, one, 'a');
    await inKernel(here, `tcp/${web.port}`, 1);
    const wrong = await harbor.kato('stop', 'harbor_node', '--flush');
    t.equal(wrong.code, 2, 'the rules of a connector that runs on are not taken away');
    t.match(wrong.stderr, /harbor_proxy_connector, which is not to be stopped/);
    t.notMatch(await harbor.must('kato', 'stop', 'harbor_node'), /kernel/, 'the connector still runs');

    const stopped = await harbor.must('kato', 'stop', 'harbor');
    t.match(stopped, /^the kernel goes on forwarding 1 port; to end that too: kato stop harbor --flush$/m);
    t.equal(await client.greeting(web.port, host.ipv4), 'a');
    t.match(
      await harbor.must('kato', 'stop', 'harbor', '--flush'),
      /^the kernel forwards nothing any more$/m,
    );
    t.notMatch(await tables(), /inet harbor/);
    t.equal(await client.greeting(web.port, host.ipv4), 'ECONNREFUSED');
    t.notMatch(await harbor.must('kato', 'stop'), /kernel/, 'nothing is left to be said');
    t.match(await harbor.must('kato', 'stop', '--flush'), /nothing any more/, 'once more is no failure');

    await harbor.must('kato', 'start');
    await inKernel(here, `tcp/${web.port}`, 1);
    t.equal(await client.greeting(web.port, host.ipv4), 'a', 'a start brings the rules back');
    t.match(await harbor.must('kato', 'stop', '--flush'), /nothing any more/);
    t.notMatch(await tables(), /inet harbor/);
  },
);
