import { eventually } from '@harbor/testbed';
import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';

/** A person at a line-based server: says lines, and keeps every line that came. */
export class LineClient {
  readonly lines: string[] = [];
  #part = '';
  #ended = false;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (text) => {
      const parts = `${this.#part}${String(text)}`.split(/\r?\n/);
      this.#part = parts.pop() ?? '';
      this.lines.push(...parts);
    });
    socket.on('close', () => (this.#ended = true));
    // A reset ends it like any other end; `ended` says so.
    socket.on('error', () => undefined);
  }

  /** Connects through a port; the connection ends with the test. */
  static async to(t: Test, port: number): Promise<LineClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    t.teardown(() => socket.destroy());
    await new Promise((done, failed) => socket.once('connect', done).once('error', failed));
    return new LineClient(socket);
  }

  say(...lines: string[]): void {
    for (const line of lines) this.socket.write(`${line}\r\n`);
  }

  /** Resolves with the first line that fits, when it has come. */
  heard(pattern: RegExp): Promise<string> {
    return eventually(`${String(pattern)} among ${JSON.stringify(this.lines)}`, () =>
      this.lines.find((line) => pattern.test(line)),
    );
  }

  /** Resolves when the server has ended the connection. */
  async ended(): Promise<void> {
    await eventually('the connection to end', () => this.#ended);
  }
}
