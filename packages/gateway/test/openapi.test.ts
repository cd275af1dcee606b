import { Validator } from '@seriousme/openapi-schema-validator';
import { catalogBody, varzView } from '@harbor/wire';
import t from 'tap';
import { memoryGateway } from './support/fixture.js';

type Json = Record<string, unknown>;

/** Every method and path that the server itself says it has, as the description writes them. */
async function served({ gateway }: ReturnType<typeof memoryGateway>): Promise<string[]> {
  await gateway.server.ready();
  const above: string[] = [];
  const all: string[] = [];
  for (const line of gateway.server.printRoutes({ commonPrefix: false }).trim().split('\n')) {
    const [, indent = '', part = '', methods = ''] = /^([│├└─ ]*)(\S+) \((.*)\)$/.exec(line) ?? [];
    const depth = indent.length / 4;
    above.splice(depth - 1, above.length, part);
    const path = above.join('').replace(/:(\w+)/g, '{$1}');
    for (const method of methods.split(', ')) if (method !== 'HEAD') all.push(`${method} ${path}`);
  }
  return all.sort();
}

async function description(all: ReturnType<typeof memoryGateway>) {
  const { json } = await all.call('GET', '/api/v1/openapi.json', undefined, { 'x-broker-api-version': '' });
  return json as { openapi: string; paths: Record<string, Json>; components: { schemas: Json } };
}

t.test('openapi - the description is valid OpenAPI 3.1', async (t) => {
  const document = await description(memoryGateway());
  t.match(document.openapi, /^3\.1\./);
  const { valid, errors } = await new Validator().validate(document);
  t.ok(valid, JSON.stringify(errors));
});

t.test('openapi - every route of the server is in it, and no other', async (t) => {
  const all = memoryGateway();
  const { paths } = await description(all);
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routes = await served(all);
  t.ok(routes.includes('PATCH /v2/service_instances/{id}'));
  t.strictSame(described.sort(), routes);
});

t.test('openapi - what is referred to is there, and every parameter of a path is described', async (t) => {
  const { paths, components } = await description(memoryGateway());
  const text = JSON.stringify(paths) + JSON.stringify(components);
  const referred = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name = '']) => name,
  );
  t.ok(referred.includes('ServiceInstanceUpdateRequest'));
  for (const name of new Set(referred)) t.ok(name in components.schemas, name);
  t.notMatch(text, /\$defs/);
  for (const [path, methods] of Object.entries(paths))
    for (const operation of Object.values(methods) as { parameters?: { name: string; in: string }[] }[]) {
      const inPath = (operation.parameters ?? [])
        .filter((one) => one.in === 'path')
        .map(({ name }) => `{${name}}`);
      t.strictSame(inPath, path.match(/\{\w+\}/g) ?? [], path);
    }
});

t.test('openapi - it needs an account, as what it describes does', async (t) => {
  t.match(await memoryGateway().call('GET', '/api/v1/openapi.json', undefined, { authorization: '' }), {
    status: 401,
  });
});

t.test('openapi - the catalog and /varz answer what it says', async (t) => {
  const { call } = memoryGateway();
  t.strictSame(
    catalogBody.parse((await call('GET', '/v2/catalog')).json),
    (await call('GET', '/v2/catalog')).json,
  );
  const varz = (await call('GET', '/varz')).json;
  t.doesNotThrow(() => varzView.parse(varz));
});
