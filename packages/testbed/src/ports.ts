import { createServer } from 'node:net';

/**
 * What is handed out lies below Linux's ephemeral range, so that no connection squats on it, and below
 * the numbers that `harbor run` gives to its instances.
 */
const LOW = 10_000;
const SLICE = 250;
const SLICES = 40;
/** A range that no slice holds comes from here: one test file asks for one, and measurements, which run alone. */
const LARGE = { low: LOW + SLICES * SLICE, high: 32_000 };

/** Test files run side by side, each in a process of its own: each draws from a slice that is its alone. */
let own: Promise<number> | undefined;
const given = new Set<number>();

/** A TCP port that nobody listens on now, on any address, and that was not handed out before. */
export async function freePort(): Promise<number> {
  return (await freeRange(1)).low;
}

/** The first of `size` free ports in a row: a port range for a Harbor of the test's own. */
export async function freeRange(size: number): Promise<{ low: number; high: number }> {
  own ??= claimSlice();
  const [from, room] =
    size <= SLICE / 2 ? [await own, SLICE - size] : [LARGE.low, LARGE.high - LARGE.low - size];
  for (let attempt = 0; attempt < 200; attempt++) {
    const low = from + Math.floor(Math.random() * room);
    const ports = Array.from({ length: size }, (_, at) => low + at);
    if (ports.some((port) => given.has(port))) continue;
    if ((await Promise.all(ports.map(canListen))).every(Boolean)) {
      for (const port of ports) given.add(port);
      return { low, high: low + size - 1 };
    }
  }
  throw new Error(`no ${size} free ports in a row from ${from} on`);
}

/**
 * The first port of a slice that no other process holds. Held by an abstract socket (unix(7)), which the
 * kernel gives back when this process ends, however it ends.
 */
async function claimSlice(): Promise<number> {
  for (let attempt = 0; attempt < SLICES; attempt++) {
    const slice = (process.pid + attempt) % SLICES;
    if (await claim(`\0harbor-test-ports-${slice}`)) return LOW + slice * SLICE;
  }
  throw new Error(`all ${SLICES} slices of test ports are held: more test files run side by side than fit`);
}

function claim(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().unref();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(name, () => {
      resolve(true);
    });
  });
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
