// What the commands of IRC do. Numbers are RFC 2812's replies (§5).
import { channels, users } from './network.js';

const SERVER = 'irc.harbor.example';
const NICK = /^[A-Za-z[\]\\`_^{|}][A-Za-z\d[\]\\`_^{|}-]{0,29}$/;
const CHANNEL = /^#[^\s,:]{1,49}$/;

/** How many words a command needs at least, what it does, and whether it may come before the welcome. */
const COMMANDS = {
  NICK: { needs: 1, early: true, does: nick },
  USER: {
    needs: 4,
    early: true,
    does: (user, [name, , , real]) => welcome(Object.assign(user, { name, real })),
  },
  CAP: { needs: 1, early: true, does: (user, [what]) => what === 'LS' && say(user, 'CAP * LS :') },
  PING: { needs: 1, early: true, does: (user, [token]) => say(user, `PONG ${SERVER} :${token}`) },
  PONG: { needs: 0, early: true, does: () => undefined },
  QUIT: { needs: 0, early: true, does: quit },
  JOIN: { needs: 1, does: (user, [names]) => names.split(',').forEach((name) => join(user, name)) },
  PART: { needs: 1, does: (user, [names]) => names.split(',').forEach((name) => part(user, name)) },
  NAMES: { needs: 1, does: (user, [name]) => listNames(user, name) },
  // Clients ask for both when they join; nobody is an operator here.
  MODE: {
    needs: 1,
    does: (user, [name]) => (name.startsWith('#') ? reply(user, 324, `${name} +`) : undefined),
  },
  WHO: { needs: 1, does: who },
  PRIVMSG: { needs: 2, does: (user, words) => message(user, 'PRIVMSG', words) },
  // Nobody answers a NOTICE, not even with an error: so two programs do not thank each other for ever.
  NOTICE: { needs: 2, does: (user, words) => message(user, 'NOTICE', words) },
};

export function run(user, { command, words }) {
  // What came with a QUIT, behind it.
  if (user.gone) return;
  const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (!known) reply(user, 421, command, 'Unknown command');
  else if (!known.early && !user.welcomed) reply(user, 451, '', 'You have not registered');
  else if (words.length < known.needs) reply(user, 461, command, 'Not enough parameters');
  else known.does(user, words);
}

function nick(user, [wanted]) {
  if (!NICK.test(wanted)) return reply(user, 432, wanted, 'Erroneous nickname');
  const holder = users.get(wanted);
  if (holder && holder !== user) return reply(user, 433, wanted, 'Nickname is already in use');
  const before = mask(user);
  users.rename(user, wanted);
  if (user.welcomed) for (const each of around(user)) each.send(`:${before} NICK :${wanted}`);
  else welcome(user);
}

/** NICK and USER come in either order; who has said both is in. */
function welcome(user) {
  if (user.welcomed || user.nick === undefined || user.name === undefined) return;
  user.welcomed = true;
  reply(user, '001', '', `Welcome to the network, ${mask(user)}`);
  reply(user, 422, '', 'There is no message of the day');
}

function join(user, name) {
  if (!CHANNEL.test(name)) return reply(user, 403, name, 'No such channel');
  if (channels.has(name, user)) return;
  channels.join(name, user);
  for (const each of channels.members(name)) each.send(`:${mask(user)} JOIN ${name}`);
  listNames(user, name);
}

function part(user, name) {
  if (!channels.has(name, user)) return reply(user, 442, name, "You're not on that channel");
  for (const each of channels.members(name)) each.send(`:${mask(user)} PART ${name}`);
  channels.leave(name, user);
}

function listNames(user, name) {
  const nicks = channels.members(name).map((each) => each.nick);
  if (nicks.length > 0) reply(user, 353, `= ${name}`, nicks.join(' '));
  reply(user, 366, name, 'End of /NAMES list');
}

function who(user, [name]) {
  for (const { name: login, host, nick: called, real } of channels.members(name))
    reply(user, 352, `${name} ${login} ${host} ${SERVER} ${called} H`, `0 ${real}`);
  reply(user, 315, name, 'End of WHO list');
}

function message(user, kind, [target, text]) {
  const wrong = kind === 'PRIVMSG' ? reply : () => undefined;
  const line = `:${mask(user)} ${kind} ${target} :${text}`;
  if (target.startsWith('#')) {
    if (!channels.has(target, user)) return wrong(user, 404, target, 'Cannot send to channel');
    for (const each of channels.members(target)) if (each !== user) each.send(line);
  } else if (users.get(target)?.welcomed) users.get(target).send(line);
  else wrong(user, 401, target, 'No such nick');
}

function quit(user, [why = 'leaving']) {
  user.gone = true;
  for (const each of around(user)) if (each !== user) each.send(`:${mask(user)} QUIT :${why}`);
  for (const name of [...user.channels]) channels.leave(name, user);
  users.remove(user);
  user.send(`ERROR :${why}`);
  user.end();
}

/** Everybody who shares a channel with somebody, and they themselves, each once. */
function around(user) {
  return new Set([user, ...[...user.channels].flatMap((name) => channels.members(name))]);
}

function mask({ nick: name, name: login, host }) {
  return `${name}!${login}@${host}`;
}

function reply(user, number, about, text) {
  const words = [number, user.nick ?? '*', about, text === undefined ? '' : `:${text}`];
  say(user, words.filter((word) => word !== '').join(' '));
}

function say(user, text) {
  user.send(`:${SERVER} ${text}`);
}
