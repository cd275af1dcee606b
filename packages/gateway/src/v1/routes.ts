import { HarborError } from '@harbor/core';
import type { FastifyInstance } from 'fastify';
import { addV1Checks, type V1Checks } from './checks.js';
import type { V1Services } from './services.js';

const INSTANCE = '/configurations/:service_id';
/** Extensions of the v1 interface that a port has no use for. */
const EXTENSIONS = ['snapshots', 'serialized', 'jobs'];

export interface V1Parts extends V1Checks {
  readonly services: V1Services;
}

/** The v1 service gateway (wire facts §1), to be registered under `/gateway/v1`. */
export function v1Routes({ services, ...checks }: V1Parts) {
  return (app: FastifyInstance, _options: object, done: () => void): void => {
    addV1Checks(app, checks);
    app.post('/configurations', (request) => services.provision(request.body));
    app.delete(INSTANCE, async (request) => {
      await services.unprovision((request.params as { service_id: unknown }).service_id);
      return {};
    });
    app.post(`${INSTANCE}/handles`, (request) => services.bind(request.body));
    app.delete(`${INSTANCE}/handles/:handle_id`, async (request) => {
      await services.unbind(request.body);
      return {};
    });
    for (const extension of EXTENSIONS) {
      app.all(`${INSTANCE}/${extension}`, notImplemented);
      app.all(`${INSTANCE}/${extension}/*`, notImplemented);
    }
    done();
  };
}

function notImplemented(): never {
  throw new HarborError('HARBOR_NOT_IMPLEMENTED', 'a port has no snapshots, no serialized form and no jobs');
}
