/** How much one organization or space may have; null is no limit, absent is what goes for all. */
export interface Limits {
  /** Service instances. */
  readonly services?: number | null;
  /** Port numbers; a block counts each of its own. */
  readonly ports?: number | null;
}

/** `harbor_gateway quotas`: limits for all, and those of single organizations and spaces before them. */
export interface Quotas {
  readonly default?: { readonly organization?: Limits; readonly space?: Limits };
  readonly organizations?: Readonly<
    Record<string, Limits & { readonly spaces?: Readonly<Record<string, Limits>> }>
  >;
}

/** What is counted: the keys of Limits. */
export type Counted = keyof Limits;

/** How much there is. */
export type Usage = Readonly<Record<Counted, number>>;

/** Whose limits: a whole organization's, or those of one of its spaces. */
export interface Holder {
  readonly organization: string;
  readonly space?: string;
}

/** A limit that one more service would go beyond. */
export interface Excess extends Holder {
  readonly what: Counted;
  readonly used: number;
  readonly asked: number;
  readonly limit: number;
}

const COUNTED: readonly Counted[] = ['services', 'ports'];

/** The limits of an organization or a space: key by key its own, else the default; no limit is left out. */
export function limitsOf(quotas: Quotas, { organization, space }: Holder): Partial<Usage> {
  const named = own(quotas.organizations, organization);
  const mine = space === undefined ? named : own(named?.spaces, space);
  const others = space === undefined ? quotas.default?.organization : quotas.default?.space;
  const limits: Partial<Record<Counted, number>> = {};
  for (const what of COUNTED) {
    const limit = mine?.[what] === undefined ? others?.[what] : mine[what];
    if (limit !== undefined && limit !== null) limits[what] = limit;
  }
  return limits;
}

/** What some services come to; `ports` is how many each of them has. */
export function usageOf(services: Iterable<{ readonly ports: number }>): Usage {
  let count = 0;
  let sum = 0;
  for (const { ports } of services) {
    count += 1;
    sum += ports;
  }
  return { services: count, ports: sum };
}

/** The first limit that a service with so many ports more would go beyond; undefined where it may come. */
export function excessOf(
  holder: Holder,
  limits: Partial<Usage>,
  used: Usage,
  ports: number,
): Excess | undefined {
  const asked: Usage = { services: 1, ports };
  for (const what of COUNTED) {
    const limit = limits[what];
    if (limit !== undefined && used[what] + asked[what] > limit)
      return { ...holder, what, used: used[what], asked: asked[what], limit };
  }
  return undefined;
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined;
}
