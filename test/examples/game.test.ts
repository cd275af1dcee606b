import { eventually, TestHarbor } from '@harbor/testbed';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { runExample } from './support/example.js';

t.test('examples, game - players over UDP, each with answers of their own', async (t) => {
  const harbor = await TestHarbor.start(t);
  const { port } = await runExample(t, harbor, 'game');
  const ada = await Player.at(t, port);
  const bob = await Player.at(t, port);

  await t.test('everybody has a place, and who is there hears who comes', async (t) => {
    t.equal(await ada.ask('join ada'), 'ok 0,0');
    t.equal(await bob.ask('join bob'), 'ok 1,0');
    await ada.hears('* bob 1,0');
    t.equal(await ada.ask('look'), 'ok ada 0,0 bob 1,0');
  });

  await t.test('a step is answered to who made it, and told to the others', async (t) => {
    t.match(await ada.ask('move e'), /^no: there is a wall or somebody/);
    t.match(await ada.ask('move n'), /^no: there is a wall/);
    t.equal(await ada.ask('move s'), 'ok 0,1');
    await bob.hears('* ada 0,1');
    t.notOk(ada.heard.includes('* ada 0,1'));
    t.notOk(
      bob.heard.some((line) => /^[3-9]/.test(line)),
      'no answer of the other client',
    );
  });

  await t.test('a step that is repeated is made once, one that comes late not at all', async (t) => {
    await bob.ask('move e');
    const answers = (): number => bob.heard.filter((line) => line === `${bob.number} ok 2,0`).length;
    const before = answers();
    bob.send(bob.number, 'move e');
    await eventually('the same answer again', () => answers() > before);
    bob.send(bob.number - 1, 'move s');
    t.equal(await bob.ask('look'), 'ok ada 0,1 bob 2,0');
  });

  await t.test('twenty clients at once get twenty answers', async (t) => {
    const many = await Promise.all(Array.from({ length: 20 }, () => Player.at(t, port)));
    const names = many.map((_, at) => `p${String.fromCharCode(97 + at)}`);
    const places = await Promise.all(many.map((player, at) => player.ask(`join ${names[at]!}`)));
    t.equal(new Set(places).size, 20);
    const seen = await ada.ask('look');
    for (const [at, place] of places.entries()) t.match(seen, `${names[at]!} ${place.slice(3)}`);
    t.strictSame(await Promise.all(many.map((player) => player.ask('leave'))), Array(20).fill('ok'));
    t.equal(await ada.ask('look'), 'ok ada 0,1 bob 2,0');
  });

  await t.test('what is no command is answered, and who has not joined plays no part', async (t) => {
    const eve = await Player.at(t, port);
    t.match(await eve.ask('look'), /^no: join/);
    t.match(await eve.ask('join ada'), /^no: the name is taken/);
    t.match(await eve.ask('join x x'), /^ok/);
    t.match(await eve.ask('join again'), /^no: you are x/);
    t.match(await eve.ask('fly'), /^no: join NAME, move/);
    t.match(await eve.ask('move up'), /^no/);
    eve.socket.send('hello', port, '127.0.0.1');
    await eve.hears('? say a number and a command: 1 join NAME');
  });
});

/** A client with a socket of its own, that repeats what is not answered. */
class Player {
  readonly heard: string[] = [];
  number = 0;

  private constructor(
    readonly socket: Socket,
    readonly port: number,
  ) {
    socket.on('message', (message) => this.heard.push(message.toString().trimEnd()));
  }

  static async at(t: Test, port: number): Promise<Player> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    t.teardown(() => socket.close());
    await once(socket, 'listening');
    return new Player(socket, port);
  }

  send(number: number, line: string): void {
    this.socket.send(`${number} ${line}`, this.port, '127.0.0.1');
  }

  async ask(line: string): Promise<string> {
    const number = ++this.number;
    const again = setInterval(() => this.send(number, line), 500);
    this.send(number, line);
    try {
      return await eventually(`the answer to ${number} ${line} among ${this.heard.join('|')}`, () =>
        this.heard.find((each) => each.startsWith(`${number} `))?.slice(`${number} `.length),
      );
    } finally {
      clearInterval(again);
    }
  }

  /** Lines that come by themselves may be lost, as datagrams are; on this machine none is. */
  async hears(line: string): Promise<void> {
    await eventually(`${line} among ${this.heard.join('|')}`, () => this.heard.includes(line));
  }
}
