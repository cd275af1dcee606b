import { asHarborError } from '@harbor/core';
import fastify, { type FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import { requireAccount, type Account } from './account.js';

/** No request here has a body worth the name. */
const BODY_LIMIT = 1_024;
/** How long a client may take to send a request, ms. */
const REQUEST_TIMEOUT = 10_000;

export interface ComponentServerOptions {
  readonly host: string;
  readonly account: () => Account;
  readonly varz: () => object;
}

/** /healthz and /varz of a process that serves nothing else over HTTP. */
export class ComponentServer {
  private constructor(
    readonly app: FastifyInstance,
    /** The port it was given. */
    readonly port: number,
  ) {}

  /** Listens on a free port; resolves when it answers. */
  static async start(options: ComponentServerOptions): Promise<ComponentServer> {
    const { host, account, varz } = options;
    const app = fastify({
      bodyLimit: BODY_LIMIT,
      requestTimeout: REQUEST_TIMEOUT,
      forceCloseConnections: true,
    });
    app.setErrorHandler((thrown, _request, reply) => {
      const { code, message, entry } = asHarborError(thrown);
      const known = code !== 'HARBOR_INTERNAL';
      const status = known ? entry.status : ((thrown as { statusCode?: number }).statusCode ?? entry.status);
      return reply.code(status).send({ error: code, description: known ? message : entry.summary });
    });
    app.setNotFoundHandler((_request, reply) =>
      reply.code(404).send({ error: 'HARBOR_NOT_FOUND', description: 'there is nothing at this address' }),
    );
    app.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok'));
    app.get('/varz', { onRequest: requireAccount(account) }, () => varz());
    await app.listen({ host, port: 0 });
    return new ComponentServer(app, (app.server.address() as AddressInfo).port);
  }

  /** Resolves when nobody is connected any more. */
  stop(): Promise<void> {
    return this.app.close();
  }
}
