import fc from 'fast-check';
import t from 'tap';
import { environmentOf, variableName, type BoundService } from '../src/index.js';

function service(name: string, intPort = 4100): BoundService {
  return {
    name,
    label: 'harbor',
    plan: 'free',
    tags: ['tcp'],
    credentials: {
      hostname: 'h',
      host: '192.0.2.1',
      port: 35000,
      name: `id-${name}`,
      node_id: 'harbor_node_1',
      int_port: intPort,
    },
  };
}

/** Contract §4. */
t.test('environment - STACKATO_HARBOR is int_port when exactly one service is bound', (t) => {
  const one = environmentOf('my-app', [service('udp-web', 4107)]);
  t.equal(one.STACKATO_HARBOR, '4107');
  t.notOk(Object.keys(one).some((name) => name.startsWith('STACKATO_HARBOR_')));

  const two = environmentOf('my-app', [service('udp-web', 4107), service('my-tcp_x', 4108)]);
  t.notOk('STACKATO_HARBOR' in two);
  t.match(two, { STACKATO_HARBOR_UDP_WEB: '4107', STACKATO_HARBOR_MY_TCP_X: '4108' });

  const none = environmentOf('my-app', []);
  t.notOk(Object.keys(none).some((name) => name.startsWith('STACKATO_HARBOR')));
  t.match(none, { STACKATO_SERVICES: '{}', VCAP_SERVICES: '{}' });
  t.end();
});

t.test('environment - the documents: name to credentials, label to services', (t) => {
  const services = [service('b', 2), service('a', 1)];
  const env = environmentOf('my-app', services);
  t.strictSame(JSON.parse(env.STACKATO_SERVICES ?? ''), {
    a: service('a', 1).credentials,
    b: service('b', 2).credentials,
  });
  t.strictSame(JSON.parse(env.VCAP_SERVICES ?? ''), { harbor: [service('a', 1), service('b', 2)] });
  t.match(env, { STACKATO_APP_NAME: 'my-app', STACKATO_APP_NAME_UPCASE: 'MY_APP' });
  t.end();
});

t.test('environment - an instance knows its place, and where to serve HTTP', (t) => {
  const env = environmentOf('my-app', [], { id: 'i-1', index: 2, port: 20_100, host: '0.0.0.0' });
  t.match(env, { PORT: '20100', VCAP_APP_PORT: '20100', VCAP_APP_HOST: '0.0.0.0' });
  t.match(JSON.parse(env.VCAP_APPLICATION ?? ''), {
    application_name: 'my-app',
    instance_id: 'i-1',
    instance_index: 2,
    port: 20_100,
  });
  t.notOk('PORT' in environmentOf('my-app', []), 'which no instance has without one');

  const worker = environmentOf('my-app', [], { id: 'i-1', index: 0, host: '0.0.0.0', memory: 256 });
  for (const name of ['PORT', 'VCAP_APP_PORT', 'VCAP_APP_HOST'])
    t.notOk(name in worker, 'nor one without HTTP');
  const application = JSON.parse(worker.VCAP_APPLICATION ?? '') as object;
  t.match(application, { instance_id: 'i-1', limits: { mem: 256 } });
  t.notOk('port' in application);
  t.end();
});

t.test('environment - every service is found under its own variable, whatever their order', (t) => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(names, (all) => {
      const services = all.map((name, at) => service(name, 4100 + at));
      const env = environmentOf('app', services);
      for (const { name, credentials } of services)
        if (env[`STACKATO_HARBOR_${variableName(name)}`] !== String(credentials.int_port)) return false;
      return JSON.stringify(environmentOf('app', [...services].reverse())) === JSON.stringify(env);
    }),
  );
  t.end();
});
