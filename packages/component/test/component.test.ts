import { ManualClock } from '@harbor/core';
import { componentAnnouncement, type z } from '@harbor/wire';
import t from 'tap';
import { Component, ComponentServer, formatUptime } from '../src/index.js';

const ACCOUNT = { username: 'user', password: 'pass' };

function component() {
  const published: { subject: string; value: unknown }[] = [];
  const served = new Map<string, (value: never) => Promise<unknown>>();
  const clock = new ManualClock(1_700_000_000_000);
  const made = new Component({
    bus: {
      publish: (subject, value) => void published.push({ subject, value }),
      serve: <T>(subject: string, _schema: z.ZodType<T>, answer: (value: T) => Promise<unknown>) =>
        served.set(subject, answer),
    },
    type: 'HarboraaS-Node',
    index: 3,
    host: () => '10.0.0.1:4000',
    account: () => ACCOUNT,
    clock,
    unique: 'f'.repeat(32),
  });
  return { made, published, served, clock };
}

t.test('component - at connect it publishes what it is', async (t) => {
  const { made, published, clock } = component();
  clock.advance(5_000);
  made.start();
  t.strictSame(published, [
    {
      subject: 'vcap.component.announce',
      value: {
        type: 'HarboraaS-Node',
        index: 3,
        uuid: `3-${'f'.repeat(32)}`,
        host: '10.0.0.1:4000',
        credentials: ['user', 'pass'],
        start: '2023-11-14T22:13:20.000Z',
      },
    },
  ]);
  t.ok(componentAnnouncement.safeParse(published[0]?.value).success);
});

t.test('component - discover is answered with the same and the uptime as Nd:Nh:Nm:Ns', async (t) => {
  const { made, published, served, clock } = component();
  made.start();
  clock.advance(61_000);
  t.strictSame(await served.get('vcap.component.discover')?.({} as never), {
    ...(published[0]?.value as object),
    uptime: '0d:0h:1m:1s',
  });
  t.equal(formatUptime(0), '0d:0h:0m:0s');
  t.equal(formatUptime(86_400_000 * 12 + 3_600_000 * 23 + 59_999), '12d:23h:0m:59s');
});

t.test('component - /healthz says ok, /varz wants basic auth and masks the password', async (t) => {
  const { made } = component();
  const server = await ComponentServer.start({
    host: '127.0.0.1',
    account: () => ACCOUNT,
    varz: () => made.varz(),
  });
  t.teardown(() => server.stop());
  const get = (path: string, authorization?: string) =>
    fetch(
      `http://127.0.0.1:${server.port}${path}`,
      authorization === undefined ? {} : { headers: { authorization } },
    );
  const basic = (account: string) => `Basic ${Buffer.from(account).toString('base64')}`;
  t.equal(await (await get('/healthz')).text(), 'ok');
  for (const wrong of [undefined, basic('user:wrong'), basic('wrong:pass'), basic('user'), 'Bearer x']) {
    const answer = await get('/varz', wrong);
    t.equal(answer.status, 401);
    t.match(await answer.json(), { error: 'HARBOR_UNAUTHORIZED' });
  }
  const text = await (await get('/varz', basic('user:pass'))).text();
  t.match(JSON.parse(text), {
    type: 'HarboraaS-Node',
    credentials: ['user', '********'],
    mem: Number,
    cpu: Number,
  });
  t.notMatch(text, '"pass"');
  t.equal((await get('/else')).status, 404);
});

t.test('component - /varz is made at each look: never older than the 30 s of the facts', async (t) => {
  const { made, clock } = component();
  let free = 7;
  const server = await ComponentServer.start({
    host: '127.0.0.1',
    account: () => ACCOUNT,
    varz: () => ({ ...made.varz(), available_capacity: free }),
  });
  t.teardown(() => server.stop());
  const authorization = `Basic ${Buffer.from('user:pass').toString('base64')}`;
  const look = async () =>
    (await fetch(`http://127.0.0.1:${server.port}/varz`, { headers: { authorization } })).json();
  t.match(await look(), { uptime: '0d:0h:0m:0s', available_capacity: 7 });
  clock.advance(30_000);
  free = 6;
  t.match(await look(), { uptime: '0d:0h:0m:30s', available_capacity: 6 });
  clock.advance(1_000);
  t.match(await look(), { uptime: '0d:0h:0m:31s', available_capacity: 6 });
});

t.test('component - what nobody should send is refused, and it serves on', async (t) => {
  const server = await ComponentServer.start({ host: '127.0.0.1', account: () => ACCOUNT, varz: () => ({}) });
  t.teardown(() => server.stop());
  const at = `http://127.0.0.1:${server.port}`;
  t.equal((await fetch(`${at}/varz`, { method: 'POST', body: 'x'.repeat(1_000) })).status, 404);
  t.equal((await fetch(`${at}/%ff`)).status, 400);
  t.equal((await fetch(`${at}/healthz`)).status, 200);
});
