import type { Clock } from '@harbor/core';
import { parse, z } from '@harbor/wire';
import type { FastifyInstance } from 'fastify';
import type { Account } from '../dependencies.js';
import type { NodeInspector } from '../nodes/inspect.js';
import { bindingsView } from '../views/bindings.js';
import { explainView } from '../views/explain.js';
import { findInstance, findInstanceOrPort } from '../views/find.js';
import { servicesView, serviceView } from '../views/services.js';
import type { ViewSources } from '../views/sources.js';
import { requireAccount } from './auth.js';
import { notFound } from './server.js';

export interface ApiParts {
  readonly account: () => Account;
  readonly sources: ViewSources;
  readonly inspector: NodeInspector;
  readonly clock: Clock;
}

const what = z.object({ what: z.string().min(1).max(255) });
const bindingsQuery = z.object({ app: z.string().min(1).max(255).optional() });

/** What the CLI and the console read, to be registered under `/api/v1`. */
export function apiRoutes({ account, sources, inspector, clock }: ApiParts) {
  return (app: FastifyInstance, _options: object, done: () => void): void => {
    app.addHook('onRequest', requireAccount(account));
    app.setNotFoundHandler(notFound);
    app.get('/services', () => servicesView(sources));
    app.get('/services/:what', (request) =>
      serviceView(sources, findInstance(sources.replica, whatIn(request.params))),
    );
    app.get('/bindings', (request) => {
      const query = parse(bindingsQuery, request.query, 'HARBOR_REQUEST_INVALID', 'the query');
      return bindingsView(sources, query.app);
    });
    app.get('/explain/:what', (request) => {
      const instance = findInstanceOrPort(sources.replica, whatIn(request.params));
      return explainView(sources, inspector, instance, clock.now());
    });
    done();
  };
}

function whatIn(params: unknown): string {
  return parse(what, params, 'HARBOR_REQUEST_INVALID', 'the path').what;
}
