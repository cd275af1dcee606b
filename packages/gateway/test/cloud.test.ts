import { eventually } from '@harbor/testbed';
import { offering } from '@harbor/wire';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { TOKEN } from './support/fixture.js';
import { CONFIGURATIONS, configuration, endpoints, v1Gateway } from './support/v1.js';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly token: unknown;
  readonly type: unknown;
  readonly body: unknown;
}

/** A cloud controller that follows the facts: token and JSON, else it refuses. */
async function cloudController(t: Test) {
  const asked: Asked[] = [];
  const answers = {
    handles: [] as object[],
    status: 200,
    text: undefined as string | undefined,
    until: Promise.resolve(),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const text = Buffer.concat(chunks).toString();
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      asked.push({
        method,
        url,
        token: headers['x-vcap-service-token'],
        type: headers['content-type'],
        body,
      });
      response.statusCode = answers.status;
      const said = answers.text ?? (method === 'GET' ? JSON.stringify({ handles: answers.handles }) : '{}');
      void (method === 'GET' ? Promise.resolve() : answers.until).then(() => response.end(said));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const offers = () => asked.filter(({ method }) => method === 'POST');
  const fetched = () => asked.filter(({ method }) => method === 'GET');
  return { uri, asked, answers, offers, fetched };
}

const gatewayFor = (uri: string) => v1Gateway({ cloud: { uri, url: () => 'http://gateway:8190' } });

t.test(
  'cloud controller - the offering is posted at start and every 60 s, active:false at exit',
  async (t) => {
    const { uri, offers } = await cloudController(t);
    const { clock, gateway } = gatewayFor(uri);
    await eventually('the first offering', () => offers().length === 1);
    t.match(offers()[0], { url: '/services/v1/offerings', token: TOKEN, type: 'application/json' });
    t.strictSame(offers()[0]?.body, {
      label: 'harbor-1.0',
      url: 'http://gateway:8190',
      supported_versions: ['1.0'],
      version_aliases: { current: '1.0' },
      description: 'TCP and UDP ports for applications',
      provider: 'core',
      plans: ['free'],
      default_plan: 'free',
      tags: ['harbor', 'port', 'tcp', 'udp'],
      active: true,
      acls: {},
      timeout: 10,
    });
    await eventually('the second', () => {
      if (offers().length === 1) clock.advance(60_000);
      return offers().length >= 2;
    });
    await gateway.stop();
    t.equal(offered(offers().at(-1)).active, false);
  },
);

t.test(
  'cloud controller - 503/30600 until handles are known, asked each second until the first success',
  async (t) => {
    const { uri, answers, fetched } = await cloudController(t);
    answers.status = 500;
    const { send, gateway, clock, create } = gatewayFor(uri);
    t.teardown(() => gateway.stop());
    await eventually('the first try', () => fetched().length === 1);
    t.match(fetched()[0], { url: '/services/v1/offerings/harbor-1.0/handles', token: TOKEN });
    for (const [method, url, body] of endpoints())
      t.match(await send(method, url, method === 'GET' ? undefined : body), {
        status: 503,
        json: { code: 30600, error: { types: ['HARBOR_HANDLES_UNKNOWN'] } },
      });
    t.match(
      await send('POST', CONFIGURATIONS, '{', { 'content-type': 'application/json' }),
      { status: 401 },
      'the token comes first',
    );
    answers.status = 200;
    await eventually('a try each second', async () => {
      clock.advance(1_000);
      return (await send('POST', CONFIGURATIONS, configuration())).status === 200;
    });
    const tries = fetched().length;
    clock.advance(10_000);
    await create();
    t.equal(fetched().length, tries, 'until the first success');
  },
);

t.test('cloud controller - an offering under way at the end does not come after what ends it', async (t) => {
  const { uri, answers, offers } = await cloudController(t);
  let answer: () => void = () => undefined;
  answers.until = new Promise((resolve) => (answer = resolve));
  const { gateway } = gatewayFor(uri);
  await eventually('the first offering', () => offers().length === 1);
  const stopping = gateway.stop();
  // What was said before these are answered has arrived by then.
  for (let time = 0; time < 5; time++) await (await fetch(uri)).text();
  t.equal(offers().length, 1);
  answer();
  await stopping;
  t.strictSame(
    offers().map((each) => offered(each).active),
    [true, false],
  );
});

t.test('cloud controller - an answer that is no list of handles is no success', async (t) => {
  const { uri, answers, fetched } = await cloudController(t);
  answers.text = '';
  const { send, gateway, clock, log } = gatewayFor(uri);
  t.teardown(() => gateway.stop());
  for (const text of ['', 'null', '{"handles":[1]}', '<html>']) {
    answers.text = text;
    const before = fetched().length;
    // Of two tries one surely began after the answer had changed.
    await eventually('two tries', () => {
      clock.advance(1_000);
      return fetched().length >= before + 2;
    });
    t.match(
      await send('POST', CONFIGURATIONS, configuration()),
      { status: 503, json: { code: 30600 } },
      text,
    );
  }
  answers.text = undefined;
  await eventually('the handles', async () => {
    clock.advance(1_000);
    return (await send('POST', CONFIGURATIONS, configuration())).status === 200;
  });
  const lines = log.lines.filter((line) => JSON.stringify(line).includes('cloud_controller_away'));
  t.ok(lines.length <= 2, 'what fails each second is logged once');
});

t.test('cloud controller - what it knows is no orphan; while it is away no check is made', async (t) => {
  const { uri, answers } = await cloudController(t);
  answers.handles = [{ service_id: 'known', configuration: {}, credentials: { name: 'named' } }];
  const { send, gateway, clock, bus } = gatewayFor(uri);
  t.teardown(() => gateway.stop());
  const check = () => send('POST', '/service/internal/v1/check_orphan', {});
  await eventually('the handles', async () => (await check()).status === 200);
  const instances_list = ['known', 'named', 'stranger'];
  bus.deliver('HarboraaS.node_handles', { instances_list, bindings_list: [], node_id: 'n1' });
  await eventually('the second look', async () => {
    clock.advance(60_000);
    const { json } = await varz(gateway);
    return JSON.stringify(json.orphan_instances) === '{"n1":["stranger"]}';
  });
  answers.status = 500;
  t.match(await check(), { status: 503, json: { code: 30600 } });
});

t.test('cloud controller - one that is silent is given up after 5 s, and stops no exit', async (t) => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { gateway, clock, log } = gatewayFor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await eventually('both to be given up', () => {
    clock.advance(5_000);
    return log.lines.filter((line) => JSON.stringify(line).includes('cloud_controller_away')).length === 2;
  });
  let stopped = false;
  const stopping = gateway.stop().then(() => (stopped = true));
  await eventually('the end', () => {
    clock.advance(5_000);
    return stopped;
  });
  await stopping;
});

function offered(asked: Asked | undefined) {
  return offering.parse(asked?.body);
}

async function varz(gateway: ReturnType<typeof v1Gateway>['gateway']) {
  const authorization = `Basic ${Buffer.from('user:pass:word').toString('base64')}`;
  const answer = await gateway.server.inject({ url: '/varz', headers: { authorization } });
  return { json: answer.json<Record<string, unknown>>() };
}
