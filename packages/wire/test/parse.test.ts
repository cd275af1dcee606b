import { HarborError } from '@harbor/core';
import t from 'tap';
import { parse, registerMessage, serviceParameters, z } from '../src/index.js';

/** What a value is told to be wrong with. */
function said(schema: z.ZodType, value: unknown): string {
  try {
    parse(schema, value, 'HARBOR_PARAMETERS_INVALID', 'it');
    return 'nothing';
  } catch (error) {
    return error instanceof HarborError ? error.message : String(error);
  }
}

t.test('what is wrong is said as a person says it, with the field and what is allowed', (t) => {
  const cases: [z.ZodType, unknown, string][] = [
    [registerMessage, [], 'it: must be an object'],
    [registerMessage, 'text', 'it: must be an object'],
    [serviceParameters, { protocol: 'sctp' }, 'it: protocol: must be tcp or udp or both'],
    [serviceParameters, { port: '80' }, 'it: port: must be a port number'],
    [serviceParameters, { max_connections: 2e6 }, 'it: max_connections: must be at most 1000000'],
    [serviceParameters, { max_connections: -1 }, 'it: max_connections: must be at least 0'],
    [serviceParameters, { public: 'yes' }, 'it: public: must be true or false'],
    [serviceParameters, { allow: '10.0.0.0/8' }, 'it: allow: must be a list'],
    [z.object({ name: z.string().min(1) }), {}, 'it: name: is missing'],
    [z.object({ name: z.string().min(1) }), { name: '' }, 'it: name: must not be empty'],
    [z.object({ name: z.string().max(3) }), { name: 'long' }, 'it: name: must have at most 3 characters'],
    [z.object({ list: z.array(z.int()).max(1) }), { list: [1, 2] }, 'it: list: must have at most 1 entries'],
  ];
  for (const [schema, value, sentence] of cases) t.equal(said(schema, value), sentence);
  t.match(said(serviceParameters, { prot: 1 }), /there is no prot; there are protocol, port, /);
  t.notMatch(said(registerMessage, { dea: { secret: 'abc' } }), /abc/, 'the value is never repeated');
  t.end();
});

t.test('preserve_client_ip is refused beside what only the relay does, with the reason', (t) => {
  const kept = { preserve_client_ip: true };
  for (const [beside, reason] of [
    [{ plane: 'embedded' }, /^it: preserve_client_ip: cannot be had here: the relay, which plane asks for/],
    [{ proxy_protocol: 'v2' }, /proxy_protocol is for the relay; it tells the backend the client's address/],
    [{ idle_timeout: 10 }, /leave idle_timeout out, or ask for protocol udp/],
  ] as const) {
    t.match(said(serviceParameters, { ...kept, ...beside }), reason);
    t.equal(said(serviceParameters, { preserve_client_ip: false, ...beside }), 'nothing');
  }
  for (const beside of [{}, { plane: 'auto' }, { idle_timeout: 0 }, { protocol: 'udp', idle_timeout: 10 }])
    t.equal(said(serviceParameters, { ...kept, ...beside }), 'nothing');
  t.end();
});
