import {
  registerMessage,
  type RegisterMessage as WireRegister,
  type startMessage,
  type z,
} from '@harbor/wire';
import fc from 'fast-check';
import t from 'tap';
import { HarborClientError } from '../src/index.js';
import { parseStart, type RegisterMessage, type StartMessage } from '../src/messages.js';
import { messageOf, problemsOf } from '../src/options.js';

/** Compiles only where the two are the same, field by field. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Fits<A, B> = A extends B ? true : never;

t.test('types - the client says and hears what the wire says it does', async (t) => {
  const start: Same<StartMessage, z.output<typeof startMessage>> = true;
  const register: Fits<RegisterMessage, z.input<typeof registerMessage>> = true;
  const fields: Same<keyof RegisterMessage, keyof WireRegister> = true;
  t.strictSame([start, register, fields], [true, true, true]);
});

t.test('messages - the fields are those of the schema, none more and none less', async (t) => {
  const full = messageOf(
    {
      nats: '',
      service: 's',
      host: '10.0.0.7',
      port: 4100,
      protocol: 'both',
      app: 'a',
      appName: 'n',
      instance: 'i',
      index: 0,
      dea: 'd',
      tags: { zone: 'a' },
    },
    () => 'random',
  );
  t.strictSame(Object.keys(full).sort(), Object.keys(registerMessage.shape).sort());
  t.strictSame(registerMessage.parse(full), full);
});

t.test('messages - what is not given is made up, or left out', async (t) => {
  const made = messageOf({ nats: '', service: 's', host: '10.0.0.7', port: 4100 }, () => 'random');
  t.strictSame(made, {
    dea: 'random',
    app: 's',
    instance: 'random',
    service: 's',
    host: '10.0.0.7',
    port: 4100,
  });
});

t.test('messages - all that is wrong is told at once', async (t) => {
  const wrong = { nats: '', service: '', host: 'localhost', port: 0, index: -1, interval: 0 };
  try {
    messageOf(wrong, () => 'random');
    t.fail('it was taken');
  } catch (error) {
    t.ok(error instanceof HarborClientError);
    const { code, details } = error as HarborClientError;
    t.equal(code, 'HARBOR_CLIENT_OPTIONS');
    const problems = details.problems as string[];
    t.notOk(
      problems.some((each) => each.startsWith('app ')),
      'what was not given is not blamed',
    );
    for (const key of ['service', 'host', 'port', 'index', 'interval'])
      t.ok(
        problems.some((each) => each.startsWith(`${key} must`)),
        key,
      );
  }
});

t.test('messages - the client takes exactly what the schema takes', async (t) => {
  const text = fc.oneof(fc.constantFrom('', 'x', 'y'.repeat(255), 'z'.repeat(256)), fc.string());
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom(
      '0.0.0.0',
      '::',
      '0.1.2.3',
      '255.255.255.255',
      '224.0.0.1',
      'ff02::1',
      '::ffff:10.0.0.1',
      '::ffff:224.0.0.1',
      '::ffff:0.0.0.0',
      'fe80::1%eth0',
      '127.1',
      'localhost',
      '',
    ),
  );
  const number = fc.oneof(fc.constantFrom(0, 1, 65_535, 65_536, 1_000_000, 1_000_001, -1, 1.5), fc.integer());
  const message = fc.record(
    {
      dea: text,
      app: text,
      app_name: text,
      instance: text,
      index: number,
      service: text,
      host,
      port: number,
      protocol: fc.constantFrom('tcp', 'udp', 'both', 'sctp'),
      tags: fc.dictionary(fc.oneof(fc.string(), fc.constant('k'.repeat(65))), text, { maxKeys: 40 }),
    },
    { requiredKeys: ['dea', 'app', 'instance', 'service', 'host', 'port'] },
  );
  fc.assert(
    fc.property(message, (each) => {
      const { success } = registerMessage.safeParse(each);
      return (problemsOf(each as RegisterMessage).length === 0) === success;
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

t.test('greetings - what is none is ignored, unknown fields too', async (t) => {
  const start = {
    id: 'harbor_node_1',
    hosts: ['10.0.0.1'],
    minimumRegisterIntervalInSeconds: 20,
    pruneThresholdInSeconds: 120,
  };
  t.strictSame(parseStart(JSON.stringify({ ...start, more: 1 })), start);
  const bad = ['', '{', 'null', '[]', '7', JSON.stringify({ ...start, hosts: [1] })];
  bad.push(JSON.stringify({ ...start, minimumRegisterIntervalInSeconds: '20' }));
  bad.push(JSON.stringify({ ...start, id: '' }));
  for (const text of bad) t.equal(parseStart(text), undefined, text);
});

t.test('messages - an address in any spelling is judged as Harbor judges it', async (t) => {
  const v4 = fc.oneof(fc.ipV4(), fc.constantFrom('0.0.0.1', '224.0.0.1', '255.255.255.255', '10.0.0.7'));
  const host = fc.oneof(
    v4,
    fc.ipV6(),
    v4.map((ip) => `::${ip}`),
    v4.map((ip) => `::ffff:${ip}`),
  );
  const rest = { dea: 'd', app: 'a', instance: 'i', service: 's', port: 4100 };
  fc.assert(
    fc.property(host, (each) => {
      const message = { ...rest, host: each };
      return (problemsOf(message).length === 0) === registerMessage.safeParse(message).success;
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});
