import { errorBody, v1Error, z } from '@harbor/wire';
import type { DescribedRoute, RouteDescription } from './describe.js';

type Json = Readonly<Record<string, unknown>>;

const DEFINITIONS = '#/$defs/';
const COMPONENTS = '#/components/schemas/';
/** What any request can end with: unknown credentials, too large, unforeseen. */
const COMMON_ERRORS = [401, 413, 500];
/** What any request of v1 can, beside those: a media type that is none, handles that are not known yet. */
const V1_ERRORS = [400, 503];

/** The OpenAPI 3.1 description of these routes; `version` is Harbor's. */
export function openApi(routes: readonly DescribedRoute[], version: string): Json {
  const schemas = new Schemas();
  const paths: Record<string, Record<string, Json>> = {};
  for (const { method, url, about } of routes) {
    const path = url.replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[method.toLowerCase()] = operation(about, schemas);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Harbor', description: 'TCP and UDP ports for applications.', version },
    servers: [{ url: '/' }],
    security: [{ account: [] }],
    paths,
    components: {
      schemas: schemas.named,
      securitySchemes: {
        account: { type: 'http', scheme: 'basic' },
        token: {
          ...{ type: 'apiKey', in: 'header', name: 'X-VCAP-Service-Token' },
          description: 'Every request, GET and DELETE too, says Content-Type: application/json.',
        },
      },
    },
  };
}

/** The statuses of the errors that a route can end with. */
export function failuresOf({ errors = [], open, v1 }: RouteDescription): readonly number[] {
  if (open) return [];
  return [...COMMON_ERRORS, ...(v1 ? V1_ERRORS : []), ...errors];
}

function operation(about: RouteDescription, schemas: Schemas): Json {
  const { name, summary, path, query, headers, body, answers, open, v1 } = about;
  const parameters = [
    ...parametersIn('path', path, schemas),
    ...parametersIn('query', query, schemas),
    ...parametersIn('header', headers, schemas),
  ];
  const failed = { description: 'An error.', content: json(schemas.of(v1 ? v1Error : errorBody)) };
  return {
    operationId: name,
    summary,
    ...(open ? { security: [] } : {}),
    ...(v1 ? { security: [{ token: [] }] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: json(schemas.of(body)) } } : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [status, answered(answer, schemas)]),
      ),
      ...Object.fromEntries(failuresOf(about).map((status) => [status, failed])),
    },
  };
}

function answered(answer: z.ZodType | string, schemas: Schemas): Json {
  const content =
    typeof answer === 'string' ? { [answer]: { schema: { type: 'string' } } } : json(schemas.of(answer));
  return { description: 'Done.', content };
}

function json(schema: Json): Json {
  return { 'application/json': { schema } };
}

function parametersIn(
  place: 'path' | 'query' | 'header',
  fields: z.ZodObject | undefined,
  schemas: Schemas,
): Json[] {
  return Object.entries(fields?.shape ?? {}).map(([name, field]) => {
    const schema = field as z.ZodType;
    const { description } = schema;
    return {
      name,
      in: place,
      required: !schema.safeParse(undefined).success,
      ...(description === undefined ? {} : { description }),
      schema: withoutDescription(schemas.of(schema)),
    };
  });
}

/** It stands beside the schema already. */
function withoutDescription({ description: _said, ...schema }: Json): Json {
  return schema;
}

/** JSON Schema of our schemas: those with a name stand once, and are referred to. */
class Schemas {
  readonly named: Record<string, unknown> = {};

  of(schema: z.ZodType): Json {
    const whole = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    const text = JSON.stringify(whole).replaceAll(DEFINITIONS, COMPONENTS);
    const { $defs, ...own } = JSON.parse(text) as Json & { readonly $defs?: Json };
    Object.assign(this.named, $defs);
    return Object.fromEntries(Object.entries(own).filter(([key]) => key !== '$schema'));
  }
}
