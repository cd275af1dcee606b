// An IRC server, small but one that irssi and WeeChat talk to: who is connected, and how lines come and go (RFC 2812).
import { createServer } from 'node:net';
import { run } from './commands.js';

const port = Number(process.env.STACKATO_HARBOR);
if (!port) {
  console.error('STACKATO_HARBOR is not set: run it with harbor run, as its README says');
  process.exit(1);
}

/** RFC 2812 §2.3: with its CR LF. */
const LONGEST_LINE = 512;
/** A client that says nothing for this long is asked whether it lives, and let go after twice that, ms. */
const SILENCE = 120_000;

/** Bytes that wait for a client that does not read. */
const MOST_UNREAD = 64 * 1024;

const server = createServer((socket) => {
  const user = {
    nick: undefined,
    name: undefined,
    welcomed: false,
    channels: new Set(),
    // The address is Harbor's: with -c '{"proxy_protocol":"v1"}' a header would tell the client's.
    host: hostOf(socket.remoteAddress),
    send: (line) => (socket.writableLength > MOST_UNREAD ? socket.destroy() : socket.write(`${line}\r\n`)),
    end: () => socket.end(),
  };
  let asked = false;
  socket.setTimeout(SILENCE, () => {
    if (asked) socket.destroy();
    else user.send('PING :still there?');
    asked = true;
  });
  eachLine(socket, (line) => {
    asked = false;
    run(user, parse(line));
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => run(user, { command: 'QUIT', words: ['connection closed'] }));
});
server.listen(port, () => console.log(`IRC on port ${port}`));

/** An address as a word of IRC, which a colon must not begin. */
function hostOf(address = 'unknown') {
  return address.replace(/^::ffff:/, '').replace(/^:/, '0:');
}

/** `:prefix COMMAND word word :the rest`; what a client says of its own prefix does not count. */
function parse(line) {
  const [head, ...tail] = line.replace(/^:\S+ +/, '').split(/ +:(.*)/);
  const [command = '', ...words] = head.split(/ +/);
  return { command: command.toUpperCase(), words: tail.length > 0 ? [...words, tail[0]] : words };
}

function eachLine(socket, hear) {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) if (line !== '') hear(line.slice(0, LONGEST_LINE));
    if (rest.length > LONGEST_LINE) socket.destroy();
  });
}
