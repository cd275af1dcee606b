import { HarborError } from '@harbor/core';
import type { FastifyInstance, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { isEqual } from '../http/auth.js';
import { notFound } from '../http/server.js';

const JSON_TYPE = /^application\/json\s*(;|$)/i;

export interface V1Checks {
  /** The X-VCAP-Service-Token as it is now. */
  readonly token: () => string;
  /** False until the cloud controller has said what it knows. */
  readonly handlesKnown: () => boolean;
}

/**
 * The checks of every v1 request in their order, before any look at the body, and how bodies are read.
 * `missing` answers where there is nothing.
 */
export function addV1Checks(
  app: FastifyInstance,
  { token, handlesKnown }: V1Checks,
  missing: (request: FastifyRequest) => never = notFound,
): void {
  readBodies(app);
  app.setNotFoundHandler(missing);
  app.addHook('onRequest', (request: FastifyRequest, _reply, done: HookHandlerDoneFunction) => {
    if (!JSON_TYPE.test(request.headers['content-type'] ?? ''))
      done(new HarborError('HARBOR_MEDIA_TYPE_INVALID', 'the media type must be application/json'));
    else if (!isEqual(headerOf(request), token()))
      done(new HarborError('HARBOR_UNAUTHORIZED', 'the header X-VCAP-Service-Token is missing or wrong'));
    else if (!handlesKnown())
      done(new HarborError('HARBOR_HANDLES_UNKNOWN', 'the cloud controller has not told its handles yet'));
    else done();
  });
}

function headerOf(request: FastifyRequest): string {
  const given = request.headers['x-vcap-service-token'];
  return typeof given === 'string' ? given : '';
}

/** Here a DELETE has a body that counts; where none is needed an empty one is fine. */
function readBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text.length === 0) done(null, undefined);
    else void parseJson(request, text.toString(), done);
  });
}
