// Who is on the network, and in which channels. Names differ by more than upper and lower case.

const key = (name) => name.toLowerCase();
const byNick = new Map();
const byChannel = new Map();

export const users = {
  get: (nick) => byNick.get(key(nick)),

  rename(user, nick) {
    this.remove(user);
    user.nick = nick;
    byNick.set(key(nick), user);
  },

  remove(user) {
    if (user.nick !== undefined) byNick.delete(key(user.nick));
  },
};

export const channels = {
  members: (name) => [...(byChannel.get(key(name)) ?? [])],

  has: (name, user) => byChannel.get(key(name))?.has(user) ?? false,

  /** The first one in makes the channel. */
  join(name, user) {
    if (!byChannel.has(key(name))) byChannel.set(key(name), new Set());
    byChannel.get(key(name)).add(user);
    user.channels.add(key(name));
  },

  /** The last one out takes it away. */
  leave(name, user) {
    byChannel.get(key(name))?.delete(user);
    user.channels.delete(key(name));
    if (byChannel.get(key(name))?.size === 0) byChannel.delete(key(name));
  },
};
