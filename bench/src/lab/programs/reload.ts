/**
 * Adds a listener to HAProxy's configuration, tells its master, and measures until the new port answers: arguments
 * are the configuration, the master's pid, HAProxy's address, the first new port, what each new `listen` leads to,
 * and how often. It prints the times in ms as JSON.
 */
import { appendFileSync } from 'node:fs';
import { connect } from 'node:net';

const [config = '', master = '0', host = '', first = '0', backend = '', times = '1'] = process.argv.slice(2);

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
  const port = Number(first) + each;
  const start = performance.now();
  appendFileSync(config, `listen p${port}\n    bind :${port}\n    server one ${backend}\n\n`);
  process.kill(Number(master), 'SIGUSR2');
  while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 1));
  all.push(performance.now() - start);
  // The old worker leaves, and the master is ready for more.
  await new Promise((resolve) => setTimeout(resolve, 300));
}
process.stdout.write(JSON.stringify(all));
