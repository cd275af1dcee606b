import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Log } from '../dependencies.js';
import { originatorOf, type Originator } from './identity.js';

/** What a request changes, by its method: of an instance, and of a binding. */
const CHANGES: Readonly<Record<string, { readonly instance: string; readonly binding: string }>> = {
  PUT: { instance: 'provision', binding: 'bind' },
  PATCH: { instance: 'update', binding: 'update_binding' },
  DELETE: { instance: 'deprovision', binding: 'unbind' },
};

/** How much the log shows of what a client chose, characters. */
const LONGEST = 255;

/**
 * Checks who is behind each request, and writes a line for every one that would change something: who, what,
 * to which instance, and what came of it. Nothing of the request's body is in it.
 */
export function audit(app: FastifyInstance, log: Log): void {
  const checked = new WeakMap<FastifyRequest, Originator | null>();
  app.addHook('onRequest', (request, _reply, done) => {
    checked.set(request, originatorOf(request.headers['x-broker-api-originating-identity']) ?? null);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const who = checked.get(request);
    const { id, binding } = request.params as { readonly id?: string; readonly binding?: string };
    const change = CHANGES[request.method];
    if (change && who !== undefined && id !== undefined) {
      const what = binding === undefined ? change.instance : change.binding;
      const about = {
        instance: id.slice(0, LONGEST),
        ...(binding === undefined ? {} : { binding: binding.slice(0, LONGEST) }),
        ...requestIdentity(request),
      };
      log.info({ event: 'audit', who, what, ...about, status: reply.statusCode }, `audit ${what}`);
    }
    done();
  });
}

/** What the platform calls the request, by which its own log finds it. */
function requestIdentity({ headers }: FastifyRequest): { readonly request?: string } {
  const identity = headers['x-broker-api-request-identity'];
  return identity === undefined ? {} : { request: String(identity).slice(0, LONGEST) };
}
