/**
 * Adds a listener to HAProxy's configuration, tells its master, and measures until the new port answers: arguments
 * are the configuration, the master's pid, HAProxy's address, the first new port, what each new `listen` leads to,
 * and how often. It prints the times in ms as JSON.
 */
import { appendFileSync } from 'node:fs';
import { connect } from 'node:net';

const [config = '', master = '0', host = '', first = '0', backend = '', times = '1'] = process.argv.slice(2);

/** ms */
const REST = 500;
const PATIENCE = 3_000;
/** How often HAProxy is signalled for one port: its master may miss a signal, which is no time of a reload. */
const SIGNALS = 5;

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, host);
    const end = (answer: boolean): void => {
      socket.removeAllListeners().on('error', () => undefined);
      socket.destroy();
      done(answer);
    };
    socket.once('data', () => end(true)).once('error', () => end(false));
    socket.once('end', () => end(false));
  });
}

const all: number[] = [];
for (let each = 0; each < Number(times); each++) {
  // The old worker leaves, and the master is ready for more: a signal that comes before is lost.
  await new Promise((resolve) => setTimeout(resolve, REST));
  const port = Number(first) + each;
  let time = Infinity;
  for (let signals = 0; time > PATIENCE; signals++) {
    if (signals === SIGNALS) throw new Error(`port ${port} is not served after ${SIGNALS} reloads`);
    const start = performance.now();
    if (signals === 0)
      appendFileSync(config, `listen p${port}\n    bind :${port}\n    server one ${backend}\n\n`);
    process.kill(Number(master), 'SIGUSR2');
    while (!(await answers(port)) && performance.now() - start < PATIENCE)
      await new Promise((resolve) => setTimeout(resolve, 1));
    time = performance.now() - start;
  }
  all.push(time);
}
process.stdout.write(JSON.stringify(all));
