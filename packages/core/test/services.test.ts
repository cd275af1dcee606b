import t from 'tap';
import {
  credentialsOf,
  isHttpsName,
  mentionsHttps,
  protocolOfName,
  transportsOf,
  withAddresses,
} from '../src/index.js';

t.test('service name - its first word chooses the protocol', (t) => {
  const names = {
    'udp-debug-port': 'udp',
    udp: 'udp',
    udp_game: 'udp',
    both_dns: 'both',
    'both-debug-port': 'both',
    both: 'both',
    'multi-x': 'both',
    multi: 'both',
    multi_y: 'both',
    web: 'tcp',
    'tcp-port': 'tcp',
    udpate: 'tcp',
    bothy: 'tcp',
    'my-udp': 'tcp',
    multiplayer: 'tcp',
    '': 'tcp',
    '-udp': 'tcp',
  } as const;
  for (const [name, protocol] of Object.entries(names)) t.equal(protocolOfName(name), protocol, name);
  t.end();
});

t.test('service name - the last word https asks for an HTTPS proxy', (t) => {
  const names = {
    'custom-cert-https': true,
    custom_https: true,
    https: true,
    'https-site': false,
    myhttps: false,
  };
  for (const [name, expected] of Object.entries(names)) t.equal(isHttpsName(name), expected, name);
  t.end();
});

t.test('service name - https is one of its words', (t) => {
  const names = { https: true, 'harbor-https-custom-1': true, 'custom-cert-https': true, 'my-httpsd': false };
  for (const [name, expected] of Object.entries(names)) t.equal(mentionsHttps(name), expected, name);
  t.end();
});

t.test('protocol - both is TCP and UDP on one number', (t) => {
  t.same(transportsOf('both'), ['tcp', 'udp']);
  t.same(transportsOf('udp'), ['udp']);
  t.end();
});

const service = { id: 'guid', node: 'harbor_node_1', port: 35048, intPort: 4100 };

t.test('credentials - hold exactly the six fields where nothing external is configured', (t) => {
  t.strictSame(credentialsOf(service, { host: '10.0.0.1', hostname: 'node' }), {
    hostname: 'node',
    host: '10.0.0.1',
    port: 35048,
    name: 'guid',
    node_id: 'harbor_node_1',
    int_port: 4100,
  });
  t.end();
});

t.test('credentials - ext_host and ext_hostname are present only where set, and follow a change', (t) => {
  const before = credentialsOf(service, {
    host: '10.0.0.1',
    hostname: 'n',
    extHostname: 'ports.example.com',
  });
  t.strictSame(
    Object.keys(before).filter((key) => key.startsWith('ext')),
    ['ext_hostname'],
  );
  const after = withAddresses(before, { host: '10.0.0.2', hostname: 'm', extHost: '192.0.43.10' });
  t.strictSame(after, {
    hostname: 'm',
    host: '10.0.0.2',
    port: 35048,
    name: 'guid',
    node_id: 'harbor_node_1',
    int_port: 4100,
    ext_host: '192.0.43.10',
  });
  t.end();
});
