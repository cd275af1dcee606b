import type { FastifyInstance } from 'fastify';

/**
 * When the server closes, requests under way are answered and then every connection ends at once: a
 * client that keeps its connection open for the next request must not hold up the end of the process.
 */
export function closeWhenAnswered(app: FastifyInstance): void {
  let answering = 0;
  let closing = false;
  const endConnections = (): void => {
    if (closing && answering === 0) app.server.closeAllConnections();
  };
  app.addHook('onRequest', (_request, reply, done) => {
    answering += 1;
    reply.raw.once('close', () => {
      answering -= 1;
      endConnections();
    });
    done();
  });
  app.addHook('preClose', (done) => {
    closing = true;
    endConnections();
    done();
  });
}
