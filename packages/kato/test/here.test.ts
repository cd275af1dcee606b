import { ensureHome, openHome, writeCore, writeHarborRole } from '@harbor/config';
import { temporaryDirectory } from '@harbor/testbed';
import t, { type Test } from 'tap';
import { processesHere } from '../src/processes/here.js';

const CORE = {
  host: '192.0.2.1',
  port: 8192,
  ca: 'PEM',
  access: {
    redis_password: 'r',
    redis_url: null,
    nats_url: null,
    nats_password: 'n',
    gateway_token: 't',
    gateway_username: 'u',
    gateway_password: 'p',
  },
};

function home(t: Test) {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const opened = openHome({ HARBOR_HOME: directory.path });
  ensureHome(opened);
  return opened;
}

t.test('processes - a core has all of them, and none is found missing', (t) => {
  const core = home(t);
  t.equal(processesHere(core, []).length, 5);
  t.strictSame(processesHere(core, ['harbor_gateway']), ['harbor_gateway']);
  t.end();
});

t.test('processes - an attached node has those that serve ports, and says so of the others', (t) => {
  const node = home(t);
  writeCore(node, CORE);
  const both = ['harbor_proxy_connector', 'harbor_node'] as const;
  t.strictSame(processesHere(node, []), both);
  t.strictSame(processesHere(node, ['harbor']), both);
  for (const name of ['harbor_gateway', 'core', 'harbor_redis'])
    t.throws(() => processesHere(node, ['harbor_node', name]), {
      code: 'HARBOR_ROLE_REMOVED',
      message: `${name} is not started: this machine has not the role core`,
    });
  t.end();
});

t.test('processes - without the role harbor nothing that serves ports is started by its name', (t) => {
  const core = home(t);
  writeHarborRole(core, false);
  t.strictSame(processesHere(core, []), ['nats_server', 'harbor_redis', 'harbor_gateway']);
  for (const name of ['harbor_node', 'harbor'])
    t.throws(() => processesHere(core, [name]), {
      code: 'HARBOR_ROLE_REMOVED',
      message: /has not the role harbor/,
    });
  t.end();
});
