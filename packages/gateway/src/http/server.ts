import { HarborError } from '@harbor/core';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream';
import type { Log } from '../dependencies.js';
import { BODY_LIMIT, readJsonBodies } from './body.js';
import { closeWhenAnswered } from './drain.js';
import { httpErrorOf, knownError } from './errors.js';
import type { GatewayMetrics } from './metrics.js';
import { isV1, v1ErrorOf } from '../v1/errors.js';

/** A percent-encoded id of 255 characters of four bytes each, and room to spare. */
const LONGEST_PARAMETER = 4_096;
/** How long a client may take to send a request, ms. */
const REQUEST_TIMEOUT = 30_000;
/** How much of a path the log shows. */
const LOGGED_PATH = 512;
/** How much of the platform's name for a request. */
const LOGGED_ID = 128;

export interface ServerParts {
  readonly log: Log;
  readonly metrics: GatewayMetrics;
}

/** The HTTP server without its routes: limits, body parsing, errors as JSON, the request log. */
export function createServer({ log, metrics }: ServerParts): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    frameworkErrors: (error, request, reply) => {
      answerError(error, request, reply, log);
    },
    clientErrorHandler: answerBrokenRequest,
  });
  closeWhenAnswered(app);
  readJsonBodies(app);
  app.setNotFoundHandler(notFound);
  app.setErrorHandler((error, request, reply) => {
    answerError(error, request, reply, log);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { method, url } = request;
    const { statusCode: status, elapsedTime } = reply;
    metrics.observe(method, request.routeOptions.url ?? 'unknown', status, elapsedTime);
    const ms = Math.round(elapsedTime * 10) / 10;
    const platform = platformIdOf(request);
    const about = { method, path: pathOf(url), status, ms };
    log.info(
      { event: 'request', ...about, ...(platform === undefined ? {} : { request: platform }) },
      'request',
    );
    done();
  });
  return app;
}

/** For every path and method that is not served. */
export function notFound(): never {
  throw new HarborError('HARBOR_NOT_FOUND', 'there is nothing at this address');
}

function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const { status, body } = isV1(request.url) ? v1ErrorOf(thrown) : httpErrorOf(thrown);
  if (status >= 500) {
    const { code, message, cause } = knownError(thrown);
    const where = { method: request.method, path: pathOf(request.url) };
    log.error({ event: 'request_failed', ...where, code, reason: message, err: cause }, 'request failed');
  }
  const answer = (): void => void reply.code(status).send(body);
  if (status === 413) afterReading(request.raw, answer);
  else answer();
}

/**
 * The rest of a body that is too large is thrown away before the answer, because a client that is still
 * sending sees a torn connection and not the answer. The server's request timeout bounds it.
 */
function afterReading(request: IncomingMessage, answer: () => void): void {
  finished(request, answer);
  request.resume();
}

/** Bytes that are not HTTP, or a client too slow: answered on the bare socket. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const slow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const problem = slow ? 'the request took too long to arrive' : 'this is no well-formed HTTP request';
  const { body } = httpErrorOf(new HarborError('HARBOR_REQUEST_INVALID', problem));
  const text = JSON.stringify(body);
  const status = slow ? '408 Request Timeout' : '400 Bad Request';
  const head = [`HTTP/1.1 ${status}`, 'Content-Type: application/json; charset=utf-8'];
  head.push(`Content-Length: ${Buffer.byteLength(text)}`, 'Connection: close', '', text);
  socket.end(head.join('\r\n'));
  // Else a client that goes on sending would keep its half of the connection.
  socket.destroySoon();
}

/** What the platform calls the request (X-VCAP-Request-ID). */
function platformIdOf({ headers }: FastifyRequest): string | undefined {
  const id = headers['x-vcap-request-id'];
  return typeof id === 'string' ? id.slice(0, LOGGED_ID) : undefined;
}

/** The path as it was sent, still encoded, without the query. */
function pathOf(url: string): string {
  return (url.split('?', 1)[0] ?? '').slice(0, LOGGED_PATH);
}
