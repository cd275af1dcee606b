import t from 'tap';
import { inKernel, instance, noLab, stage } from './support/stage.js';

/** Somebody else's: it counts, so that a table made anew would show. */
const FOREIGN = `
table inet theirs {
  counter seen { }
  chain input { type filter hook input priority filter; policy accept; tcp dport 7 counter name "seen"; }
}
`;

t.test(
  'kato role remove - the kernel forwards nothing any more; foreign tables stay',
  { skip: noLab },
  async (t) => {
    const here = await stage(t);
    const { client, harbor: host, one } = here.lab;
    const { harbor } = here;
    await host.run('nft', FOREIGN);
    const theirs = (): Promise<string> => host.run('nft', '-a', 'list', 'table', 'inet', 'theirs');
    const tables = (): Promise<string> => host.run('nft', 'list', 'tables');
    await client.greeting(7, host.ipv4);
    const before = await theirs();
    t.match(before, /packets [1-9]/);

    const web = await harbor.create('web');
    await instance(here, web, one, 'a');
    await inKernel(here, `tcp/${web.port}`, 1);
    t.equal((await harbor.kato('role', 'remove', 'harbor')).code, 1, 'it has a service');
    t.equal(await client.greeting(web.port, host.ipv4), 'a', 'which is forwarded as before');

    t.match(
      await harbor.must('kato', 'role', 'remove', 'harbor', '--force'),
      /the kernel forwards nothing any more/,
    );
    t.notMatch(await tables(), /inet harbor/);
    t.equal(await client.greeting(web.port, host.ipv4), 'ECONNREFUSED');
    t.equal(await theirs(), before, 'to the letter what it was');
    await harbor.must('kato', 'restart');
    t.notMatch(await tables(), /inet harbor/, 'a start does not bring it back');

    await harbor.must('kato', 'role', 'add', 'harbor');
    await inKernel(here, `tcp/${web.port}`, 1);
    t.equal(await client.greeting(web.port, host.ipv4), 'a');
    t.equal(await theirs(), before);
  },
);
