import { makeCertificates, startNats, startNatsCluster, temporaryDirectory } from '@harbor/testbed';
import { z } from '@harbor/wire';
import t from 'tap';
import { Bus } from '../src/index.js';

const events = { onInvalid: () => undefined, onError: () => undefined };

t.test(
  'tls - servers an authority of the operator’s own has signed are reached, others are not',
  async (t) => {
    const directory = temporaryDirectory();
    t.teardown(() => directory.remove());
    const certificates = await makeCertificates(directory.path);
    const cluster = await startNatsCluster(2, certificates);
    t.teardown(() => cluster.stop());
    const servers = cluster.servers.map(({ url }) => url);
    t.match(servers[0], /^tls:/);
    const options = { name: 'test', waitForServer: false, events, encrypted: true };
    const one = await Bus.open({ ...options, servers, ca: certificates.trusted });
    t.teardown(() => one.close());
    one.serve('echo', z.unknown(), (value) => Promise.resolve(value));
    await one.flush();
    const answer = await one.request('echo', { a: 1 }, z.unknown(), {
      timeoutMs: 20_000,
      unanswered: 'HARBOR_NODE_UNAVAILABLE',
    });
    t.strictSame(answer, { a: 1 });
    await t.rejects(Bus.open({ ...options, servers }), { code: 'HARBOR_NATS_UNAVAILABLE' }, 'not signed');
  },
);

t.test('tls - a server that offers none is refused where tls:// is asked for', async (t) => {
  const server = await startNats();
  t.teardown(() => server.stop());
  const servers = [server.url.replace('nats:', 'tls:')];
  const opening = Bus.open({ servers, name: 'test', waitForServer: false, encrypted: true, events });
  await t.rejects(opening, { code: 'HARBOR_NATS_UNAVAILABLE' });
});
