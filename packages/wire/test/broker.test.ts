import t from 'tap';
import {
  bindBody,
  catalog,
  mergedParameters,
  parameterChanges,
  PLANS,
  planOfId,
  planOfName,
  provisionBody,
  SERVICE_ID,
} from '@harbor/wire';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

t.test('catalog - every id is a UUID of its own and finds its plan', async (t) => {
  const ids = [SERVICE_ID, ...PLANS.map(({ id }) => id)];
  t.equal(new Set(ids).size, ids.length);
  for (const id of ids) t.match(id, UUID);
  for (const plan of PLANS) {
    t.equal(planOfId(plan.id), plan);
    t.equal(planOfName(plan.name), plan);
  }
  t.equal(planOfId('unknown'), undefined);
});

t.test('catalog - parameter schemas are draft 4, closed, without references, and under 64 kB', async (t) => {
  for (const plan of catalog().services[0]?.plans ?? []) {
    for (const { parameters } of Object.values(plan.schemas.service_instance)) {
      const text = JSON.stringify(parameters);
      t.match(text, /"\$schema":"http:\/\/json-schema\.org\/draft-04\/schema#"/);
      t.match(text, /"additionalProperties":false/);
      t.notMatch(text, /\$ref/);
      t.ok(text.length < 64_000);
    }
  }
});

t.test('broker bodies - unknown fields and nulls are as if they were absent', async (t) => {
  const required = { service_id: 's', plan_id: 'p', organization_guid: 'o', space_guid: 'sp' };
  const parsed = provisionBody.parse({
    ...required,
    maintenance_info: {},
    context: { x: 1 },
    parameters: null,
  });
  t.strictSame(parsed, { ...required, context: {}, parameters: null, maintenance_info: {} });
});

t.test('broker bodies - the parameters of a binding may be nested, but not without end', async (t) => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
  const body = (depth: number) => ({ service_id: 's', plan_id: 'p', parameters: nested(depth) });
  t.equal(bindBody.safeParse(body(16)).success, true);
  t.equal(bindBody.safeParse(body(17)).success, false);
});

t.test(
  'broker bodies - an update takes null for every parameter there is, and nothing else anew',
  async (t) => {
    const nulls = Object.fromEntries(Object.keys(parameterChanges.shape).map((name) => [name, null]));
    t.strictSame(parameterChanges.parse(nulls), nulls);
    t.equal(parameterChanges.safeParse({ prot: null }).success, false);
    t.equal(parameterChanges.safeParse({ max_connections: -1 }).success, false);
    const current = { max_connections: 1, allow: ['10.0.0.0/8'], public: true };
    t.strictSame(mergedParameters(current, { allow: null, public: false }), {
      max_connections: 1,
      public: false,
    });
  },
);
