/**
 * A platform, a DEA and a client in one process on the client's host, so that one clock measures: how long it takes
 * from an instance's register message, or from the request for a port, until a client is served. Its argument is a
 * `Task` as JSON; it prints `Times` for each size, as JSON.
 */
import { connect as connectNats } from 'nats';
import { connect } from 'node:net';
import { Platform } from '../../provisioning.js';

/** What the program is to do. */
export interface Task {
  readonly nats: string;
  readonly gateway: { readonly url: string; readonly auth: string };
  /** Harbor's address, and its lowest port. */
  readonly host: string;
  readonly low: number;
  /** The backends' ports. Those of each service have an address of their own, as instances have: see `addressOf`. */
  readonly backends: Readonly<Record<'first' | 'second', number>>;
  /** How many ports are in place when it is measured. */
  readonly sizes: readonly number[];
  readonly repetitions: number;
  /** True where it is also measured until the kernel forwards. */
  readonly kernel: boolean;
}

/** ms, from … to a client that is served by the backend in question. */
export interface Times {
  readonly size: number;
  /** requests for a port that failed, and were made again, until there were as many */
  readonly refused: number;
  /** the register message of the first backend of a port */
  readonly register: number[];
  /** the same, until the kernel forwards, too */
  readonly kernel: number[];
  /** the register message of one more backend */
  readonly backend: number[];
  /** the request for one more port, its backend registered as soon as the port is there */
  readonly port: number[];
}

type Name = keyof Task['backends'];

/** Clients that look at ports at the same time. */
const AT_ONCE = 50;
/** Requests for ports at the same time, on the way to a size; the measured ones come alone. */
const PROVISIONS = 8;
/** How often a port is asked for, 1 s apart, until that is an error. */
const ATTEMPTS = 20;

/** ms */
const REST = { least: 50, more: 50 } as const;

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
const platform = new Platform(task.gateway.url, task.gateway.auth, PROVISIONS);
const nats = await connectNats({ servers: task.nats });
const services: string[] = [];
/** Requests for a port that failed on the way to a size. */
let refused = 0;

/** The address of the backends of the service at this place: one of 10.78.0.0/16, which all lead to one host. */
function addressOf(place: number): string {
  return `10.78.${place >> 8}.${place & 255}`;
}

function say(subject: 'register' | 'unregister', service: string, place: number, name: Name): void {
  const where = { host: addressOf(place), port: task.backends[name] };
  const message = { dea: 'dea', app: 'app', instance: `${name}-${place}`, service, ...where };
  nats.publish(`harbor.${subject}`, JSON.stringify(message));
}

/** Who serves a port, and whether the kernel brings one there: it leaves the client's port as it is. */
function served(port: number): Promise<{ readonly by: string; readonly kernel: boolean }> {
  return new Promise((done) => {
    const socket = connect(port, task.host);
    const end = (by: string, kernel = false): void => {
      socket.removeAllListeners().on('error', () => undefined);
      socket.destroy();
      done({ by, kernel });
    };
    socket.once('error', () => end('nobody')).once('end', () => end('nobody'));
    socket.once('data', (data) => {
      const [name = '', seen] = String(data).trim().split(' ');
      end(name, Number(seen) === socket.localPort);
    });
  });
}

/** ms from a start until a port is served as wanted. */
async function until(start: number, port: number, by: string, kernel = false): Promise<number> {
  for (;;) {
    const found = await served(port);
    if (found.by === by && (found.kernel || !kernel)) return performance.now() - start;
    await new Promise(setImmediate);
  }
}

/** Resolves when nobody has served a port several times in a row: both planes know that it is empty. */
async function gone(port: number): Promise<void> {
  for (let empty = 0; empty < 5;) empty = (await served(port)).by === 'nobody' ? empty + 1 : 0;
}

/** Asks as often as it takes: where the platform gives up, the size is still to be reached. */
async function provisioned(name: string, port: number): Promise<string> {
  for (let attempt = 1; ; attempt++)
    try {
      return await platform.provision(name, { port });
    } catch (error) {
      tell(String(error));
      if (attempt === ATTEMPTS) throw error;
      refused += 1;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
}

async function fill(size: number): Promise<void> {
  const from = services.length;
  let next = from;
  await atOnce(PROVISIONS, async () => {
    while (next < size) {
      const at = next++;
      const id = await provisioned(`port-${at}`, task.low + at);
      services[at] = id;
      say('register', id, at, 'first');
      if (at % 500 === 499) tell(`${at + 1} ports provisioned`);
    }
  });
  next = from;
  await atOnce(AT_ONCE, async () => {
    while (next < size) await until(0, task.low + next++, 'first');
  });
  // The rules come in the order of the registrations: with the last one all are there. To look at each
  // would take twice as long.
  await until(0, task.low + size - 1, 'first', task.kernel);
}

/** Until what a change leaves to be cleaned up is done: what is measured is one change that comes alone. */
function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, REST.least + Math.random() * REST.more));
}

async function atOnce(count: number, worker: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, worker));
}

function tell(what: string): void {
  process.stderr.write(`lab-control: ${Math.round(performance.now() / 1_000)} s: ${what}\n`);
}

async function measure(size: number): Promise<Times> {
  const times: Times = { size, refused, register: [], kernel: [], backend: [], port: [] };
  const [service = '', place, port] = [services[0], 0, task.low];
  for (let each = 0; each < task.repetitions; each++) {
    say('unregister', service, place, 'first');
    await gone(port);
    await rest();
    const start = performance.now();
    say('register', service, place, 'first');
    times.register.push(await until(start, port, 'first'));
    if (task.kernel) times.kernel.push(await until(start, port, 'first', true));
  }
  tell('one more backend');
  for (let each = 0; each < task.repetitions; each++) {
    await rest();
    const start = performance.now();
    say('register', service, place, 'second');
    times.backend.push(await until(start, port, 'second'));
    await until(0, port, 'second', task.kernel);
    say('unregister', service, place, 'second');
    for (let same = 0; same < 4;) same = (await served(port)).by === 'first' ? same + 1 : 0;
  }
  tell('one more port');
  for (let each = 0; each < task.repetitions; each++) {
    const more = task.low + size;
    await rest();
    const start = performance.now();
    const id = await platform.provision('more', { port: more });
    say('register', id, size, 'first');
    times.port.push(await until(start, more, 'first'));
    await platform.deprovision(id);
    await gone(more);
  }
  return times;
}

const all: Times[] = [];
for (const size of task.sizes) {
  await fill(size);
  tell(`${size} ports are in place`);
  all.push(await measure(size));
}
process.stdout.write(JSON.stringify(all));
process.exit(0);
