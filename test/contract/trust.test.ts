import {
  eventually,
  makeCertificates,
  startNatsCluster,
  startSentinels,
  temporaryDirectory,
} from '@harbor/testbed';
import t from 'tap';
import { addressOf, core, other, stateOf, token } from './support/cluster.js';

t.test('nodes - a node trusts the servers of its core as the core does', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const certificates = await makeCertificates(directory.path);
  const [nats, redis] = await Promise.all([
    startNatsCluster(2, certificates),
    startSentinels(1, certificates),
  ]);
  t.teardown(() => Promise.all([nats.stop(), redis.stop()]));
  await redis.replicated();
  const harbor = await core(t, {
    ...{ NATS_SERVER_URL: nats.url, NATS_SERVER_CA: certificates.ca },
    ...{ HARBOR_REDIS_URL: redis.url, HARBOR_REDIS_CA: certificates.ca },
  });
  const second = await other(t);
  const id = ['--token', await token(harbor), '--node-id', 'harbor_node_2'];
  const attached = await second.kato('node', 'attach', '-e', 'harbor', addressOf(harbor), ...id);
  t.equal(attached.code, 0, attached.stderr);
  await eventually('it to be up', async () => (await stateOf(harbor, 'harbor_node_2')) === 'up');
});
