import { makeCertificate, type Made } from '@harbor/certificates';
import { CHECKOUT, eventually, freePort, startCommand, temporaryDirectory } from '@harbor/testbed';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';

const now = new Date();

/** An authority of the test's own, in which its clients trust. */
export const CA = makeCertificate({ name: 'Test CA', authority: true, days: 30, now });

/** A certificate that it has signed. */
export function signed(...names: readonly string[]): Made {
  return makeCertificate({ name: names[0] ?? '', names, signer: CA, days: 30, now });
}

/** An application's root in which a pair of files can be put. */
export function appRoot(t: Test, pairs: Readonly<Record<string, Made>>) {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const certs = join(directory.path, 'certs');
  mkdirSync(certs);
  const put = (name: string, { certificate, key }: Made): void => {
    writeFileSync(join(certs, `${name}.crt`), certificate);
    writeFileSync(join(certs, `${name}.key`), key);
  };
  for (const [name, pair] of Object.entries(pairs)) put(name, pair);
  const ca = join(directory.path, 'ca.crt');
  writeFileSync(ca, CA.certificate);
  return { path: directory.path, ca, put };
}

/** A framework's plain HTTP server, and what it was asked. */
export class Framework {
  readonly requests: { method: string; url: string; fields: string[] }[] = [];
  connections = 0;
  /** Connections with an answer that is larger than what lies on the way. */
  unread = 0;
  /** Requests for `/slow` that are still waited for. */
  waiting = 0;

  private constructor(
    readonly server: Server,
    readonly port: number,
  ) {}

  static async start(t: Test, port?: number): Promise<Framework> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const framework = new Framework(server, port ?? (await freePort()));
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      framework.#serve(request, response);
    server.on('connection', () => framework.connections++);
    server.on('request', serve);
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url !== '/refuse') response.writeContinue();
      serve(request, response);
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, first: Buffer) => {
      framework.requests.push({ method: 'UPGRADE', url: request.url ?? '', fields: request.rawHeaders });
      socket.on('error', () => socket.destroy());
      if (request.url === '/no') {
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
        return;
      }
      if (request.url === '/loose') {
        socket.end('HTTP/1.1 403 No\r\nX-Echo: 1\nX-Own: 2\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n',
      );
      if (first.length > 0) socket.write(first);
      socket.pipe(socket);
    });
    await new Promise<void>((done) => server.listen(framework.port, '127.0.0.1', done));
    t.teardown(() => framework.stop());
    return framework;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(() => done()));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { url = '', method = '' } = request;
    this.requests.push({ method, url, fields: request.rawHeaders });
    const big = /^\/big\?(\d+)$/.exec(url);
    if (url === '/slow') {
      this.waiting++;
      request.socket.once('close', () => this.waiting--);
      return;
    }
    if (url === '/refuse') response.writeHead(417).end('no');
    else if (url === '/wait')
      request.on('data', (data: Buffer) => response.writeHead(200, { 'Content-Length': 4 }).end(data));
    else if (url === '/hints')
      request.socket.end(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style, </b.js>; rel=preload\r\n\r\n' +
          'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
      );
    else if (url === '/odd-field') {
      request.socket.write('HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 30000000\r\n\r\n');
      this.unread++;
      request.socket.once('close', () => this.unread--).write(Buffer.alloc(30_000_000));
    } else if (url === '/odd-trailer')
      request.socket.end(
        'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: a\x01b\r\n\r\n',
      );
    else if (url === '/broken') {
      response.writeHead(200, { 'Content-Length': 100 }).write('half');
      response.on('drain', () => undefined);
      setImmediate(() => request.socket.destroy());
    } else if (url === '/raw') request.socket.end('this is no HTTP\r\n\r\n');
    else if (url === '/trailers') {
      response.writeHead(200, { Trailer: 'X-Sum' }).write('body');
      response.addTrailers({ 'X-Sum': '42' });
      response.end();
    } else if (url === '/hop')
      response
        .writeHead(200, { Connection: 'X-Mine', 'X-Mine': '1', 'Set-Cookie': ['a=1', 'b=2'] })
        .end('hop');
    else if (url === '/echo') {
      response.writeHead(200);
      request.on('data', (chunk) => {
        if (!response.write(chunk)) request.pause();
      });
      response.on('drain', () => request.resume());
      request.on('end', () => response.end(JSON.stringify(request.trailers)));
    } else if (big) {
      const size = Number(big[1]);
      response.writeHead(200, { 'Content-Length': size });
      const block = Buffer.alloc(65_536, 'x');
      let left = size;
      const write = (): void => {
        while (left > 0) {
          const part = left < block.length ? block.subarray(0, left) : block;
          left -= part.length;
          if (!response.write(part)) break;
        }
        if (left === 0) response.end();
      };
      response.on('drain', write);
      write();
    } else response.writeHead(200, { 'Content-Type': 'text/plain' }).end(`hello ${url}`);
  }
}

/** The proxy's program. */
export const PROGRAM = join(CHECKOUT, 'bin/harbor_https_proxy');

/** The proxy as people start it, ended with the test. */
export async function startProxy(t: Test, root: string, to: number, ...flags: readonly string[]) {
  const port = await freePort();
  const words = [
    '--listen',
    String(port),
    '--to',
    `127.0.0.1:${to}`,
    '--service',
    'web-https',
    '--root',
    root,
    // One, unless the test is about several.
    '--workers',
    '1',
  ];
  const child = startCommand(process.execPath, [PROGRAM, ...words, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const input of [child.stdout, child.stderr])
    if (input) createInterface({ input }).on('line', (line) => lines.push(line));
  const ended = new Promise<number>((done) => child.once('exit', (code) => done(code ?? -1)));
  const stop = (signal: NodeJS.Signals = 'SIGTERM'): Promise<number> => {
    child.kill(signal);
    return ended;
  };
  t.teardown(() => stop('SIGKILL'));
  const logged = (pattern: RegExp): Promise<string> =>
    eventually(`${String(pattern)} in:\n${lines.join('\n')}`, () => lines.find((line) => pattern.test(line)));
  if (!flags.includes('--wait')) await logged(/"event":"ready"/);
  return { port, pid: child.pid ?? 0, lines, logged, stop, ended };
}
