import { createLogger } from '@harbor/log';
import { temporaryDirectory } from '@harbor/testbed';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { memoryGateway, provisionBody } from './support/fixture.js';

t.test('logs - control characters of clients are escaped, in whatever they send', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const log = await createLogger({ dir: directory.path, name: 'gateway', level: 'info', size: 1, count: 1 });
  const { call, bus } = memoryGateway({ log });
  const hostile = 'a\n{"level":"fatal"}\r\u001b[2J\u009b2J\u007f\u0000\u2028\u202e';
  const instance = `/v2/service_instances/${encodeURIComponent(hostile)}`;
  const who = Buffer.from(JSON.stringify({ user_id: hostile })).toString('base64');
  const headers = {
    'x-broker-api-originating-identity': `cloudfoundry ${who}`,
    'x-broker-api-request-identity': 'id\u009b2J',
    'x-vcap-request-id': 'id\u009b2J',
  };
  const body = provisionBody({ organization_guid: hostile, space_guid: hostile });
  t.match(await call('PUT', instance, body, headers), { status: 201 });
  t.match(await call('PUT', instance, { ...body, space_guid: 'other' }, headers), { status: 409 });
  const msg = { code: 30500, description: hostile, error: 'HARBOR_INTERNAL' };
  bus.answer('HarboraaS.provision.n1', () => ({ success: false, error: { status: 500, msg } }));
  t.match(await call('PUT', `${instance}2`, body, headers), { status: 500 });

  const text = readFileSync(join(directory.path, 'gateway.log'), 'utf8');
  t.notMatch(text.replaceAll('\n', ''), /[\p{Cc}\u2028\u2029\u202e]/u);
  const lines = text.trimEnd().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as { event?: string; instance?: string; who?: object });
  t.match(
    parsed.find(({ event }) => event === 'audit'),
    { instance: hostile, who: { user: hostile } },
    'and who reads the line gets what was sent',
  );
  t.notOk(text.includes('\n{"level":"fatal"}'));
});
