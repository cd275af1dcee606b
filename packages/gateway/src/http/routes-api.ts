import type { Clock } from '@harbor/core';
import {
  bindingsView as bindingsBody,
  explainView as explainBody,
  moveBody,
  moveView as moveBodyView,
  nodeId,
  nodesView as nodesBody,
  parse,
  servicesView as servicesBody,
  serviceView as serviceBody,
  z,
} from '@harbor/wire';
import type { FastifyInstance } from 'fastify';
import type { Account } from '../dependencies.js';
import type { QuotaKeeper } from '../instances/quotas.js';
import type { Mover } from '../nodes/mover.js';
import type { NodeInspector } from '../nodes/inspect.js';
import { bindingsView } from '../views/bindings.js';
import { explainView } from '../views/explain.js';
import { findInstance, findInstanceOrPort } from '../views/find.js';
import { nodesView } from '../views/nodes.js';
import { servicesView, serviceView } from '../views/services.js';
import type { ViewSources } from '../views/sources.js';
import { requireAccount } from './auth.js';
import { about, type DescribedRoute } from './describe.js';
import { openApi } from './openapi.js';
import { notFound } from './server.js';

export interface ApiParts {
  readonly account: () => Account;
  readonly sources: ViewSources;
  readonly quotas: QuotaKeeper;
  readonly inspector: NodeInspector;
  readonly mover: Mover;
  readonly clock: Clock;
  /** All routes of the server, these among them. */
  readonly routes: readonly DescribedRoute[];
  /** Harbor's. */
  readonly version: string;
}

const what = z.object({ what: z.string().min(1).max(255) });
const movePath = z.object({ node: nodeId, service: z.string().min(1).max(255) });
const bindingsQuery = z.object({ app: z.string().min(1).max(255).optional() });

const SERVICES = { name: 'listServices', summary: 'All services.', answers: { 200: servicesBody } };
const SERVICE = {
  name: 'getService',
  summary: 'One service, by its id or name, with its credentials.',
  path: what,
  answers: { 200: serviceBody },
  errors: [400, 404],
};
const BINDINGS = {
  name: 'listBindings',
  summary: 'The bindings of an application, or all.',
  query: bindingsQuery,
  answers: { 200: bindingsBody },
  errors: [400],
};
const EXPLAIN = {
  name: 'explain',
  summary: 'All that is known of a port, by its number or by the id or name of its service.',
  path: what,
  answers: { 200: explainBody },
  errors: [400, 404],
};
const NODES = { name: 'listNodes', summary: 'All nodes, dead ones too.', answers: { 200: nodesBody } };
const MOVE = {
  name: 'moveService',
  summary: 'Moves a service with its port to another node, or says why it cannot be moved.',
  path: movePath,
  body: moveBody,
  answers: { 200: moveBodyView },
  errors: [400, 404],
};
const OPENAPI = { name: 'openapi', summary: 'This description.', answers: { 200: z.looseObject({}) } };

/** What the CLI and the console read, to be registered under `/api/v1`. */
export function apiRoutes(parts: ApiParts) {
  const { account, sources, quotas, inspector, mover, clock, routes, version } = parts;
  return (app: FastifyInstance, _options: object, done: () => void): void => {
    app.addHook('onRequest', requireAccount(account));
    app.setNotFoundHandler(notFound);
    app.get('/openapi.json', about(OPENAPI), () => openApi(routes, version));
    app.get('/services', about(SERVICES), () => servicesView(sources, quotas));
    app.get('/services/:what', about(SERVICE), (request) =>
      serviceView(sources, findInstance(sources.replica, whatIn(request.params))),
    );
    app.get('/bindings', about(BINDINGS), (request) => {
      const query = parse(bindingsQuery, request.query, 'HARBOR_REQUEST_INVALID', 'the query');
      return bindingsView(sources, query.app);
    });
    app.get('/explain/:what', about(EXPLAIN), (request) => {
      const instance = findInstanceOrPort(sources.replica, whatIn(request.params));
      return explainView(sources, inspector, instance, clock.now());
    });
    app.get('/nodes', about(NODES), () => nodesView(sources, inspector));
    app.post('/nodes/:node/services/:service/move', about(MOVE), (request) => {
      const path = parse(movePath, request.params, 'HARBOR_REQUEST_INVALID', 'the path');
      const { to, dry_run } = parse(moveBody, request.body, 'HARBOR_REQUEST_INVALID', 'the body');
      const move = { from: path.node, to, dryRun: dry_run ?? false };
      return mover.move(findInstance(sources.replica, path.service), move);
    });
    done();
  };
}

function whatIn(params: unknown): string {
  return parse(what, params, 'HARBOR_REQUEST_INVALID', 'the path').what;
}
