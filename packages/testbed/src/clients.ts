import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';

/** The first line a TCP port says, or the code of what went wrong. */
export function greeting(port: number, host = '127.0.0.1'): Promise<string> {
  return new Promise((done) => {
    const socket = connect(port, host);
    let text = '';
    const end = (what: string): void => {
      socket.removeAllListeners();
      socket.on('error', () => undefined).destroy();
      done(what);
    };
    socket.setTimeout(10_000, () => end('ETIMEDOUT'));
    socket.on('data', (data) => {
      text += data.toString();
      const line = /^([^\r\n]*)\r?\n/.exec(text)?.[1];
      if (line !== undefined) end(line);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.once('end', () => end('END'));
  });
}

/** As many greetings, one connection after the other. */
export async function greetings(port: number, count: number, host?: string): Promise<string[]> {
  const all: string[] = [];
  for (let each = 0; each < count; each++) all.push(await greeting(port, host));
  return all;
}

/** A TCP connection that has heard its greeting. */
export function connected(
  port: number,
  host = '127.0.0.1',
): Promise<{ readonly socket: Socket; readonly greeted: string }> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host, allowHalfOpen: true });
    socket.once('error', failed);
    socket.once('data', (data) => {
      // A later end by a reset is for who waits for it, and harms nobody who does not.
      socket.off('error', failed).on('error', () => undefined);
      done({ socket, greeted: data.toString().trim() });
    });
  });
}

/**
 * Sends text over an open connection and resolves with as many bytes of what comes back. Rejects when the
 * connection has ended, or ends before that.
 */
export function exchange(socket: Socket, text: string): Promise<string> {
  return new Promise((done, failed) => {
    let heard = '';
    const leave = (): void =>
      void socket.off('data', listen).off('error', fail).off('end', end).off('close', end);
    const listen = (data: Buffer): void => {
      heard += data.toString();
      if (heard.length < text.length) return;
      leave();
      done(heard);
    };
    const fail = (error: Error): void => {
      leave();
      failed(error);
    };
    const end = (): void => fail(new Error('closed'));
    if (socket.destroyed || socket.readableEnded) {
      end();
      return;
    }
    socket.on('data', listen).once('error', fail).once('end', end).once('close', end);
    socket.write(text);
  });
}

/** How often a datagram is sent by who waits for an answer: for as long as a busy machine may need. */
export const UDP_TRIES = 50;

/**
 * The answer to a datagram, sent again each 200 ms, as UDP clients do; `nothing` where none comes. Who
 * expects that asks for fewer tries.
 */
export function askUdp(port: number, text: string, host = '127.0.0.1', tries = UDP_TRIES): Promise<string> {
  return new Promise((done) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    let sent = 0;
    const send = (): void => {
      if (sent++ < tries) socket.send(text, port, host);
      else end('nothing');
    };
    const timer = setInterval(send, 200);
    const end = (what: string): void => {
      clearInterval(timer);
      socket.removeAllListeners();
      socket.close();
      done(what);
    };
    socket.on('message', (message) => end(message.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    send();
  });
}

/** True where somebody has a socket on the port. */
export function isHeld(port: number, transport: 'tcp' | 'udp'): Promise<boolean> {
  return transport === 'tcp' ? heldTcp(port) : heldUdp(port);
}

function heldTcp(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(true));
    server.listen(port, '0.0.0.0', () => server.close(() => done(false)));
  });
}

function heldUdp(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      done(true);
    });
    socket.bind({ port, exclusive: true }, () => socket.close(() => done(false)));
  });
}
