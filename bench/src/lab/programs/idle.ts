/**
 * Opens connections that say nothing and keeps them until its input ends: arguments are a host, a port and how
 * many. It prints `held` when a backend has answered on each of them.
 */
import { connect } from 'node:net';

/** Connections under way at the same time, so that no queue overflows. */
const AT_ONCE = 100;

const [host = '127.0.0.1', port = '0', count = '0'] = process.argv.slice(2);
let left = Number(count);

function one(): Promise<void> {
  return new Promise((done, failed) => {
    const socket = connect(Number(port), host);
    socket.once('data', () => done());
    socket.once('close', () => failed(new Error('a connection was closed')));
    socket.once('error', failed);
  });
}

async function worker(): Promise<void> {
  while (left-- > 0) await one();
}

await Promise.all(Array.from({ length: AT_ONCE }, worker));
process.stdout.write('held\n');
process.stdin.resume().once('end', () => process.exit(0));
