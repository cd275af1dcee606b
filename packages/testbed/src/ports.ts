import { createServer } from 'node:net';

/** The lower end of what is handed out: below Linux's ephemeral range, so no connection squats on it. */
const LOW = 10_000;
const HIGH = 32_000;
const given = new Set<number>();

/** A TCP port that nobody listens on now, on any address, and that was not handed out before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = LOW + Math.floor(Math.random() * (HIGH - LOW));
    if (!given.has(port) && (await canListen(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port between ${LOW} and ${HIGH}`);
}

/** The first of `size` free ports in a row: a port range for a Harbor of the test's own. */
export async function freeRange(size: number): Promise<{ low: number; high: number }> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const low = LOW + Math.floor(Math.random() * (HIGH - LOW - size));
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
