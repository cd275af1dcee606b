/**
 * Connects at a constant rate, however long the answers take, and measures until the first byte: arguments are
 * a host, a port, connects per second, and s. It prints the times in ms and how many failed, as JSON.
 */
import { connect } from 'node:net';

const [host = '127.0.0.1', port = '0', rate = '100', seconds = '1'] = process.argv.slice(2);
const times: number[] = [];
let failed = 0;

function one(): Promise<void> {
  return new Promise((done) => {
    const start = performance.now();
    const socket = connect(Number(port), host);
    const end = (): void => {
      socket.removeAllListeners().on('error', () => undefined);
      socket.destroy();
      done();
    };
    socket.setTimeout(5_000, () => {
      failed += 1;
      end();
    });
    socket.once('data', () => {
      times.push(performance.now() - start);
      end();
    });
    for (const event of ['error', 'end'])
      socket.once(event, () => {
        failed += 1;
        end();
      });
  });
}

// The first ones pay for compiling this program.
for (let each = 0; each < 50; each++) await one();
times.length = 0;
const all: Promise<void>[] = [];
const begin = performance.now();
const total = Number(rate) * Number(seconds);
while (all.length < total) {
  const due = begin + (all.length * 1_000) / Number(rate) - performance.now();
  if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
  all.push(one());
}
await Promise.all(all);
process.stdout.write(JSON.stringify({ times, failed }));
