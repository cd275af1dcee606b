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
const PATIENCE = 20_000;

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
  const start = performance.now();
  appendFileSync(config, `listen p${port}\n    bind :${port}\n    server one ${backend}\n\n`);
  process.kill(Number(master), 'SIGUSR2');
  while (!(await answers(port))) {
    if (performance.now() - start > PATIENCE)
      throw new Error(`port ${port} is not served after ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  all.push(performance.now() - start);
}
process.stdout.write(JSON.stringify(all));
