import { z } from 'zod';

/** The part of JSON Schema that our messages come out as. */
interface Shape {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Shape>>;
  readonly type?: string;
  readonly const?: string | number | boolean;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

/** The fields of a message as a table in Markdown. */
export function fields(schema: z.ZodType): string {
  const whole = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;
  const { properties = {}, required = [] } = whole.$defs?.[nameOf(whole) ?? ''] ?? whole;
  const rows = Object.entries(properties).map(([name, shape]) => {
    const needed = required.includes(name) ? 'yes' : '';
    return `| \`${name}\` | ${typeOf(shape)} | ${needed} | ${shape.description ?? ''} |`;
  });
  return `| field | form | required | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

/** The name of the schema that stands elsewhere, if it does. */
function nameOf({ $ref }: Shape): string | undefined {
  return $ref?.replace('#/$defs/', '');
}

function typeOf(shape: Shape): string {
  const named = nameOf(shape);
  if (named !== undefined) return named;
  if (shape.const !== undefined) return `\`${String(shape.const)}\``;
  if (shape.enum) return shape.enum.map((each) => `\`${String(each)}\``).join(', ');
  if (shape.anyOf)
    return shape.anyOf
      .filter(({ type }) => type !== 'null')
      .map(typeOf)
      .join(' or ');
  if (shape.type === 'array')
    return `list of ${shape.items ? typeOf(shape.items) : 'anything'}${limit(shape.maxItems)}`;
  if (shape.type === 'object') return objectOf(shape);
  if (shape.type === 'string') return `text${limit(shape.maxLength)}`;
  if (shape.type === 'integer') return `whole number${range(shape)}`;
  return shape.type ?? 'anything';
}

function objectOf({ properties }: Shape): string {
  return properties ? `{${Object.keys(properties).join(', ')}}` : 'object';
}

function limit(most: number | undefined): string {
  return most === undefined ? '' : `, at most ${most}`;
}

function range({ minimum, maximum }: Shape): string {
  return minimum === undefined || maximum === undefined || maximum > 1e9 ? '' : `, ${minimum}…${maximum}`;
}
