import type { Address } from '@harbor/core';
import { connect, type Socket } from 'node:net';
import type { End, Ends } from './end.js';

/** Connections as Node's public streams: what works everywhere, and slower than `handleEnds`. */
export const streamEnds: Ends = {
  accept(server, onClient, onError) {
    server.on('connection', (socket: Socket) => onClient(new StreamEnd(socket)));
    server.on('error', onError);
  },

  connect({ host, port }, done) {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const failed = (error: NodeJS.ErrnoException): void => done(error.code ?? 'EUNKNOWN');
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      done();
    });
    return new StreamEnd(socket);
  },

  splice(client, backend, header, done) {
    const [a, b] = [socketOf(client), socketOf(backend)];
    let open = 2;
    const closed = (): void => {
      open--;
      if (open === 0) done();
    };
    if (header) b.write(header);
    forward(a, b);
    forward(b, a);
    whenClosed(a, closed);
    whenClosed(b, closed);
  },
};

class StreamEnd implements End {
  constructor(readonly socket: Socket) {
    // The 'close' that follows says all that matters.
    socket.on('error', () => undefined);
  }

  get remote(): Address {
    return { host: this.socket.remoteAddress ?? '', port: this.socket.remotePort ?? 0 };
  }

  get local(): Address {
    return { host: this.socket.localAddress ?? '', port: this.socket.localPort ?? 0 };
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten;
  }

  get unsent(): number {
    return this.socket.writableLength;
  }

  reset(): void {
    if (this.socket.destroyed) return;
    if (this.socket.connecting) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }
}

function socketOf(end: End): Socket {
  if (end instanceof StreamEnd) return end.socket;
  throw new TypeError('an end of another kind');
}

function whenClosed(socket: Socket, closed: () => void): void {
  if (socket.closed) closed();
  else socket.once('close', closed);
}

function forward(from: Socket, to: Socket): void {
  from.pipe(to);
  whenClosed(from, () => {
    // An orderly end has been passed on by the pipe; what is cut short must not look like one.
    if ((from.errored ?? !from.readableEnded) && !to.destroyed) to.resetAndDestroy();
  });
}
