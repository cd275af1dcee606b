import { HarborError } from '@harbor/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { about } from '../http/describe.js';
import { notFound } from '../http/server.js';
import { addV1Checks, type V1Checks } from './checks.js';
import { V1 } from './descriptions.js';
import type { V1Services } from './services.js';

const INSTANCE = '/configurations/:service_id';
/** Extensions of the v1 interface that a port has no use for. */
const EXTENSIONS = /\/configurations\/[^/]+\/(snapshots|serialized|jobs)(\/|\?|$)/;

export interface V1Parts extends V1Checks {
  readonly services: V1Services;
}

/** The v1 service gateway (wire facts §1), to be registered under `/gateway/v1`. */
export function v1Routes({ services, ...checks }: V1Parts) {
  return (app: FastifyInstance, _options: object, done: () => void): void => {
    addV1Checks(app, checks, notThere);
    app.post('/configurations', about(V1.provision), (request) => services.provision(request.body));
    app.delete(INSTANCE, about(V1.unprovision), async (request) => {
      await services.unprovision((request.params as { service_id: unknown }).service_id);
      return {};
    });
    app.post(`${INSTANCE}/handles`, about(V1.bind), (request) => services.bind(request.body));
    app.delete(`${INSTANCE}/handles/:handle_id`, about(V1.unbind), async (request) => {
      await services.unbind(request.body);
      return {};
    });
    done();
  };
}

function notThere({ url }: FastifyRequest): never {
  if (!EXTENSIONS.test(url)) notFound();
  throw new HarborError('HARBOR_NOT_IMPLEMENTED', 'a port has no snapshots, no serialized form and no jobs');
}
