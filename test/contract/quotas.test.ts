import { eventually, TestHarbor } from '@harbor/testbed';
import t from 'tap';

t.test('quotas - a limit is kept, and harbor services shows what is used of it', async (t) => {
  const harbor = await TestHarbor.start(t, { ports: 12 });
  const set = (value: string) => harbor.kato('config', 'set', 'harbor_gateway', 'quotas', value);
  for (const bad of ['{}x', '{"default":{"services":1}}', '{"default":{"space":{"services":-1}}}', '[]']) {
    const { code, stderr } = await set(bad);
    t.equal(code, 1, bad);
    t.match(stderr, /HARBOR_CONFIG_INVALID/);
  }
  t.equal((await set('{"default":{"space":{"services":2,"ports":4}}}')).code, 0);
  await harbor.create('web');
  await eventually('the gateway to hear of it', async () =>
    (await harbor.must('harbor', 'services')).includes('services 1 of 2'),
  );
  const many = await harbor.harbor('create-service', 'harbor', 'rtp', '-c', '{"ports":4}');
  t.equal(many.code, 1);
  t.match(many.stderr, /HARBOR_QUOTA_EXCEEDED/);
  t.match(many.stderr, 'space default of harbor has 1 of 4 ports; 4 more would be over its quota');
  await harbor.create('rtp', { ports: 3 });
  t.match(await harbor.must('harbor', 'services'), 'space default of harbor: services 2 of 2, ports 4 of 4');
  const names = (await harbor.must('harbor', 'names')).trim().split('\n');
  t.strictSame(names.sort(), ['rtp', 'web'], 'the Tab key gets their names, one per line');
  t.equal((await harbor.harbor('create-service', 'harbor', 'third')).code, 1);
  await harbor.must('harbor', 'delete-service', 'web');
  t.equal((await harbor.create('third')).state, 'ready');
});
