import { createSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { connected, exchange, greeting } from '../clients.js';

/** What a load is put on; ports left out are not asked. */
export interface LoadTarget {
  readonly host: string;
  readonly tcp?: number;
  readonly udp?: number;
  /** How often a new connection and a new datagram start, whatever became of those before; ms. */
  readonly everyMs: number;
}

/** How many went well, and how many did not, by reason. */
export interface Tally {
  readonly ok: number;
  readonly failed: Readonly<Record<string, number>>;
}

/** New TCP connections, new UDP flows, and exchanges over one connection that is kept throughout. */
export interface LoadReport {
  readonly tcp: Tally;
  readonly udp: Tally;
  readonly kept: Tally;
}

/** A datagram is sent once; unanswered for this long it was lost: longer than a busy machine lets anybody wait, ms. */
const PATIENCE = 20_000;

class Count {
  ok = 0;
  readonly failed: Record<string, number> = {};

  /** Undefined is a success. */
  add(reason: string | undefined): void {
    if (reason === undefined) this.ok++;
    else this.failed[reason] = (this.failed[reason] ?? 0) + 1;
  }
}

/** An open loop: it starts its requests by the clock, so that what hangs hides nothing of what comes after. */
export class Load {
  readonly #tcp = new Count();
  readonly #udp = new Count();
  readonly #kept = new Count();
  readonly #pending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #ended = false;

  /** Starts it when its kept connection is there. */
  static async start(target: LoadTarget): Promise<Load> {
    const kept = target.tcp === undefined ? undefined : await connected(target.tcp, target.host);
    return new Load(target, kept?.socket);
  }

  private constructor(target: LoadTarget, kept: Socket | undefined) {
    const { host, tcp, udp, everyMs } = target;
    this.#timer = setInterval(() => {
      if (tcp !== undefined) this.#do(this.#tcp, connects(tcp, host));
      if (udp !== undefined) this.#do(this.#udp, answers(udp, host));
    }, everyMs);
    if (kept) this.#do(undefined, this.#keep(kept, everyMs));
  }

  /** Successes so far. */
  get report(): LoadReport {
    return { tcp: this.#tcp, udp: this.#udp, kept: this.#kept };
  }

  /** Starts nothing more and resolves when everything under way has ended. */
  async stop(): Promise<LoadReport> {
    this.#ended = true;
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    return this.report;
  }

  #do(count: Count | undefined, work: Promise<string | undefined>): void {
    const pending = work.then((reason) => {
      count?.add(reason);
      this.#pending.delete(pending);
    });
    this.#pending.add(pending);
  }

  async #keep(socket: Socket, everyMs: number): Promise<undefined> {
    for (let [at, whole] = [0, true]; !this.#ended && whole; at++) {
      const text = `${at};`;
      const heard = await exchange(socket, text).catch(String);
      whole = heard === text;
      this.#kept.add(whole ? undefined : heard);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    socket.destroy();
    return undefined;
  }
}

/** Undefined where the port greeted, else what happened. */
async function connects(port: number, host: string): Promise<string | undefined> {
  const said = await greeting(port, host);
  return /^E[A-Z]+$/.test(said) ? said : undefined;
}

/** One datagram of a flow of its own, sent once. */
function answers(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const end = (reason?: string): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.close();
      resolve(reason);
    };
    const timer = setTimeout(() => end('no answer'), PATIENCE);
    socket.once('message', () => end());
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.send('?', port, host);
  });
}
