import type { z } from '@harbor/wire';
import type { FastifyInstance } from 'fastify';

/** A route as the OpenAPI description has it, in the schemas that check what comes and say what goes. */
export interface RouteDescription {
  /** Unique among all routes. */
  readonly name: string;
  readonly summary: string;
  readonly path?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** What is answered by status: JSON of a schema, or text of a media type. */
  readonly answers: Readonly<Record<number, z.ZodType | string>>;
  /** The statuses of errors that it can end with, beside those that every route can. */
  readonly errors?: readonly number[];
  /** Anybody may ask. */
  readonly open?: boolean;
  /** It is the v1 gateway's, with a token for credentials and errors of a shape of their own. */
  readonly v1?: boolean;
}

/** A route of the server; what is not described is missing in the description, and a test says so. */
export interface DescribedRoute {
  readonly method: string;
  /** As the router has it: `/v2/service_instances/:id`. */
  readonly url: string;
  readonly about: RouteDescription;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly about?: RouteDescription;
  }
}

/** Collects the descriptions of all routes that are added from now on. */
export function collectRoutes(app: FastifyInstance): readonly DescribedRoute[] {
  const routes: DescribedRoute[] = [];
  app.addHook('onRoute', ({ method, url, config }) => {
    const about = config?.about;
    // HEAD comes by itself with every GET.
    if (about && method !== 'HEAD') routes.push({ method: String(method), url, about });
  });
  return routes;
}

/** The options of a route that is described. */
export function about(description: RouteDescription): {
  readonly config: { readonly about: RouteDescription };
} {
  return { config: { about: description } };
}
