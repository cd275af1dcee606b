// A chat for people with nc or telnet: the first line is a name, every other one goes to all who are there.
import { createServer } from 'node:net';

const port = Number(process.env.STACKATO_HARBOR);
if (!port) {
  console.error('STACKATO_HARBOR is not set: run it with harbor run, as its README says');
  process.exit(1);
}

const LONGEST_LINE = 500;
/** How long somebody may think of a name, ms. */
const PATIENCE = 60_000;
/** Bytes that wait for somebody who does not read; nobody else shall pay for that. */
const MOST_UNREAD = 64 * 1024;

/** Who is there: name → socket. */
const people = new Map();

/** A Map, and no object: that would also know "/constructor". */
const commands = new Map([
  ['/who', (name) => tell(name, `* here are: ${[...people.keys()].join(', ')}`)],
  ['/quit', (name) => people.get(name).end('* goodbye\n')],
]);
const help = (name) => tell(name, '* /who, /quit, or just say something');

const server = createServer((socket) => {
  // Harbor looks in now and then whether anybody listens. So nobody is announced before they have a name.
  let name;
  socket.write('* welcome; what is your name?\n');
  eachLine(socket, (line) => {
    if (name === undefined) name = enter(line, socket);
    else if (line.startsWith('/')) (commands.get(line) ?? help)(name);
    else if (line !== '') tellAll(`${name}: ${line}`);
  });
  socket.setTimeout(PATIENCE, () => name ?? socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    if (people.delete(name)) tellAll(`* ${name} has left`);
  });
});
server.listen(port, () => console.log(`chat on port ${port}`));

/** The name of who has come in; undefined where it cannot be had. */
function enter(line, socket) {
  if (!/^[\p{L}\d_-]{1,20}$/u.test(line)) {
    socket.write('* a name has 1 to 20 letters, digits, - or _; what is yours?\n');
    return undefined;
  }
  if (people.has(line)) {
    socket.write(`* somebody is called ${line} already; what else?\n`);
    return undefined;
  }
  people.set(line, socket);
  tellAll(`* ${line} has come`);
  return line;
}

function tellAll(text) {
  for (const name of people.keys()) tell(name, text);
}

function tell(name, text) {
  const socket = people.get(name);
  if (socket.writableLength > MOST_UNREAD) socket.destroy();
  else socket.write(`${text}\n`);
}

/** Calls `hear` with each whole line; whoever sends one without an end is sent away. */
function eachLine(socket, hear) {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    // What a terminal would act on is no part of a conversation.
    for (const line of lines)
      hear(
        line
          .replace(/\p{Cc}/gu, '')
          .trim()
          .slice(0, LONGEST_LINE),
      );
    if (rest.length > LONGEST_LINE) socket.destroy();
  });
}
