/** Opens COUNT connections of HTTP/2 to PORT, asks once on each, says so, and keeps them: arguments PORT COUNT. */
import { connect } from 'node:http2';

const [port = '', count = '0'] = process.argv.slice(2);
for (let at = 0; at < Number(count); at++)
  await new Promise<void>((done, failed) => {
    const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    session.once('error', failed);
    session.request({ ':path': '/' }).once('end', done).once('error', failed).resume();
  });
process.stdout.write('open\n');
