import { HarborError } from '@harbor/core';
import type { FastifyInstance } from 'fastify';

/** The largest body, bytes. */
export const BODY_LIMIT = 65_536;

/** Bodies are JSON; keys that reach for an object's prototype are refused. A DELETE's is not looked at. */
export function readJsonBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (request.method === 'DELETE') done(null, undefined);
    else void parseJson(request, text.toString(), done);
  });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, _bytes, done) => {
    if (request.method === 'DELETE') done(null, undefined);
    else done(new HarborError('HARBOR_REQUEST_INVALID', 'the media type must be application/json'));
  });
}
