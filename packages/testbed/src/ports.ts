import { createServer } from 'node:net';

/** What is handed out lies below Linux's ephemeral range, so that no connection squats on it. */
const LOW = 10_000;
const HIGH = 32_000;
/** Test files run side by side, each in a process of its own: each draws from a slice of its own. */
const SLICE = 500;
const OWN = LOW + (process.pid % Math.floor((HIGH - LOW) / SLICE)) * SLICE;
const given = new Set<number>();

/** A TCP port that nobody listens on now, on any address, and that was not handed out before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = OWN + Math.floor(Math.random() * SLICE);
    if (!given.has(port) && (await canListen(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port between ${OWN} and ${OWN + SLICE}`);
}

/** The first of `size` free ports in a row: a port range for a Harbor of the test's own. */
export async function freeRange(size: number): Promise<{ low: number; high: number }> {
  for (let attempt = 0; attempt < 200; attempt++) {
    // A large range handed out before may cover the slice.
    const ours = size < SLICE / 2 && attempt < 100;
    const [from, room] = ours ? [OWN, SLICE - size] : [LOW, HIGH - LOW - size];
    const low = from + Math.floor(Math.random() * room);
    const ports = Array.from({ length: size }, (_, at) => low + at);
    if (ports.some((port) => given.has(port))) continue;
    if ((await Promise.all(ports.map(canListen))).every(Boolean)) {
      for (const port of ports) given.add(port);
      return { low, high: low + size - 1 };
    }
  }
  throw new Error(`no ${size} free ports in a row`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
