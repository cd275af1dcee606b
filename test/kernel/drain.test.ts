import { eventually } from '@harbor/testbed';
import t from 'tap';
import { inKernel, instance, noLab, stage } from './support/stage.js';

/** Longer than a busy machine takes over what has to be done before it is up, s. */
const LONG = 10;

t.test('kernel plane - connections to a backend that left', { skip: noLab }, async (t) => {
  const here = await stage(t);
  const { client, harbor: host, one, two } = here.lab;
  const { harbor } = here;

  await t.test('they go on, and end after drain_timeout', async (t) => {
    const brief = await harbor.create('brief', { drain_timeout: LONG });
    const a = await instance(here, brief, one, 'a', { index: 0 });
    await instance(here, brief, two, 'b', { index: 1 });
    await inKernel(here, `tcp/${brief.port}`, 2);
    const both = [await client.open(brief.port, host.ipv4), await client.open(brief.port, host.ipv4)];
    const left = both.find(({ greeted }) => greeted === 'a')?.handle ?? 0;
    const stays = both.find(({ greeted }) => greeted === 'b')?.handle ?? 0;
    const began = Date.now();
    await here.say('harbor.unregister', a.message);
    await inKernel(here, `tcp/${brief.port}`, 1);
    t.equal(await client.exchange(left, 'on'), 'on', 'it goes on for now');
    await eventually('it to end', () => client.exchange(left, 'x').then(isOver, () => true));
    t.ok(Date.now() - began >= LONG * 1_000 - 100, 'not before its time');
    t.equal(await client.exchange(stays, 'here'), 'here', 'those of others stay');
    t.strictSame(await client.greetings(brief.port, 2, host.ipv4), ['b', 'b']);
  });

  await t.test('one that comes back in time keeps its connections', async (t) => {
    const back = await harbor.create('back', { drain_timeout: LONG });
    const other = await harbor.create('other', { drain_timeout: LONG });
    const kept = await instance(here, back, one, 'k');
    const gone = await instance(here, other, one, 'g');
    await inKernel(here, `tcp/${back.port}`, 1);
    await inKernel(here, `tcp/${other.port}`, 1);
    const stays = await client.open(back.port, host.ipv4);
    const ends = await client.open(other.port, host.ipv4);
    await here.say('harbor.unregister', kept.message);
    await inKernel(here, `tcp/${back.port}`, 0);
    await here.say('harbor.register', kept.message);
    await inKernel(here, `tcp/${back.port}`, 1);
    // Removed later, with as long to go: when it has ended, the other's time is up for sure.
    await here.say('harbor.unregister', gone.message);
    await inKernel(here, `tcp/${other.port}`, 0);
    await eventually('the other to end', () => client.exchange(ends.handle, 'x').then(isOver, () => true));
    t.equal(await client.exchange(stays.handle, 'kept'), 'kept');
  });

  await t.test('so do those whose backend left while Harbor was away', async (t) => {
    const away = await harbor.create('away', { drain_timeout: 1 });
    const left = await instance(here, away, one, 'l', { index: 0 });
    const stays = await instance(here, away, two, 's', { index: 1 });
    await inKernel(here, `tcp/${away.port}`, 2);
    const both = [await client.open(away.port, host.ipv4), await client.open(away.port, host.ipv4)];
    await harbor.must('kato', 'stop', 'harbor_proxy_connector');
    await here.say('harbor.unregister', left.message);
    await eventually('it to be known', async () => (await harbor.explain('away')).backends.length === 1);
    await harbor.must('kato', 'start', 'harbor_proxy_connector');
    for (const { handle, greeted } of both) {
      if (greeted === stays.name) t.equal(await client.exchange(handle, 'on'), 'on');
      else await eventually('it to end', () => client.exchange(handle, 'x').then(isOver, () => true));
    }
  });
});

function isOver(heard: string): boolean {
  return heard !== 'x';
}
