// A game over UDP: players on a small board who see each other move. Each datagram is one line of text.
import { createSocket } from 'node:dgram';
import { World } from './world.js';

const port = Number(process.env.STACKATO_HARBOR);
if (!port) {
  console.error('STACKATO_HARBOR is not set: run it with harbor run, as its README says');
  process.exit(1);
}

/** Who says nothing for this long has gone: UDP has no goodbye, ms. */
const SILENCE = 30_000;

/** Client → what we know of it. Harbor gives each client an address and port of its own, so this is who it is. */
const clients = new Map();
const world = new World();
const socket = createSocket('udp4');

socket.on('message', (message, { address, port: from }) => {
  const id = `${address}:${from}`;
  const [, number, line] = /^(\d{1,9}) +(.{1,100})/.exec(message.toString()) ?? [];
  if (number === undefined) return send({ address, port: from }, '? say a number and a command: 1 join NAME');
  const client = clients.get(id) ?? { address, port: from, last: 0, answer: undefined, name: undefined };
  client.heard = Date.now();
  // A datagram may be lost on its way here or back, so clients repeat what is not answered; what is done is not done
  // twice. One that comes late, after a newer one, is too old to be true.
  if (Number(number) > client.last) {
    client.last = Number(number);
    client.answer = `${number} ${play(id, client, line.trim())}`;
  }
  if (Number(number) === client.last) send(client, client.answer);
});

/** Does what a client wants, and returns the answer; the others hear what is new by themselves. */
function play(id, client, line) {
  const [command, word = ''] = line.split(/ +/);
  if (command === 'join') return join(id, client, word);
  if (client.name === undefined) return 'no: join NAME first';
  if (command === 'look') return `ok ${world.describe()}`;
  if (command === 'leave') return leave(id) ?? 'ok';
  if (command !== 'move') return 'no: join NAME, move n|e|s|w, look or leave';
  const place = world.move(client.name, word);
  if (!place) return 'no: there is a wall or somebody else';
  tellOthers(id, `* ${client.name} ${place}`);
  return `ok ${place}`;
}

function join(id, client, name) {
  if (client.name !== undefined) return `no: you are ${client.name}`;
  if (!/^[a-z]{1,12}$/.test(name)) return 'no: a name has 1 to 12 small letters';
  const place = world.enter(name);
  if (!place) return 'no: the name is taken, or the board is full';
  client.name = name;
  clients.set(id, client);
  tellOthers(id, `* ${name} ${place}`);
  return `ok ${place}`;
}

function leave(id) {
  const { name } = clients.get(id);
  clients.delete(id);
  world.leave(name);
  tellOthers(id, `* ${name} gone`);
}

function tellOthers(id, text) {
  for (const [other, client] of clients) if (other !== id) send(client, text);
}

function send({ address, port: to }, text) {
  socket.send(`${text}\n`, to, address);
}

setInterval(() => {
  for (const [id, { heard }] of clients) if (Date.now() - heard > SILENCE) leave(id);
}, 1_000);
socket.on('error', (error) => console.error(error.message));
socket.bind(port, () => console.log(`game on UDP port ${port}`));
