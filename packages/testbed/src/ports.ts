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

/** Ports in a row of which those from `next` on were not handed out yet. */
interface Room {
  next: number;
  readonly end: number;
}

/** Test files run side by side, each in a process of its own: each takes from slices that are its alone. */
let slice: Promise<Room> | undefined;
const large: Room = { next: LARGE.low, end: LARGE.high };

/** A TCP port that nobody listens on now, on any address, and that was not handed out before. */
export async function freePort(): Promise<number> {
  return (await freeRange(1)).low;
}

/** `size` free ports in a row: a port range for a Harbor of the test's own. */
export async function freeRange(size: number): Promise<{ low: number; high: number }> {
  for (;;) {
    const low = size <= SLICE ? await takeFromSlice(size) : take(large, size);
    if (low === undefined) throw new Error(`no ${size} free ports in a row below ${large.end}`);
    const ports = Array.from({ length: size }, (_, at) => low + at);
    if ((await Promise.all(ports.map(canListen))).every(Boolean)) return { low, high: low + size - 1 };
  }
}

/** The next `size` ports of a room, in turn and never at random: what is left never lies in pieces. */
function take(room: Room, size: number): number | undefined {
  if (room.end - room.next < size) return undefined;
  room.next += size;
  return room.next - size;
}

/** The same from this process's slice, or from another one when it is used up. */
async function takeFromSlice(size: number): Promise<number> {
  for (;;) {
    const held = (slice ??= claimSlice());
    const low = take(await held, size);
    if (low !== undefined) return low;
    if (slice === held) slice = undefined;
  }
}

/**
 * A slice that nobody holds yet. Held by an abstract socket (unix(7)), which the
 * kernel gives back when this process ends, however it ends.
 */
async function claimSlice(): Promise<Room> {
  for (let attempt = 0; attempt < SLICES; attempt++) {
    const number = (process.pid + attempt) % SLICES;
    const next = LOW + number * SLICE;
    if (await claim(`\0harbor-test-ports-${number}`)) return { next, end: next + SLICE };
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
