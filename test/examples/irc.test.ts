import { TestHarbor } from '@harbor/testbed';
import t, { type Test } from 'tap';
import { runExample } from './support/example.js';
import { LineClient } from './support/line-client.js';

t.test('examples, IRC - a network behind a port', async (t) => {
  const harbor = await TestHarbor.start(t);
  const { port } = await runExample(t, harbor, 'irc');
  const ada = await signedIn(t, port, 'ada');
  const bob = await signedIn(t, port, 'bob');

  await t.test('who joins is seen by those who are there, and sees them', async (t) => {
    ada.say('JOIN #harbor');
    await ada.heard(/^:\S+ 353 ada = #harbor :ada$/);
    bob.say('JOIN #Harbor');
    await ada.heard(/^:bob!bob@\S+ JOIN #Harbor$/);
    t.match(await bob.heard(/ 353 bob /), /:ada bob$/);
    await bob.heard(/ 366 bob /);
  });

  await t.test('messages reach the channel, or one person, and not who sent them', async (t) => {
    bob.say('PRIVMSG #harbor :hello, all of you');
    t.match(await ada.heard(/PRIVMSG/), /^:bob!bob@\S+ PRIVMSG #harbor :hello, all of you$/);
    ada.say('PRIVMSG bob :just: you');
    t.match(await bob.heard(/PRIVMSG/), /^:ada!ada@\S+ PRIVMSG bob :just: you$/);
    t.equal(bob.lines.filter((line) => line.includes('PRIVMSG')).length, 1);
  });

  await t.test('what cannot be done is answered by its number', async (t) => {
    const eve = await LineClient.to(t, port);
    eve.say('JOIN #harbor');
    await eve.heard(/ 451 \* /);
    eve.say('NICK ADA', 'NICK 1x', 'NICK', 'NICK eve', 'USER eve 0 * :Eve');
    await eve.heard(/ 433 \* ADA :/);
    await eve.heard(/ 432 \* 1x :/);
    await eve.heard(/ 461 \* NICK :/);
    await eve.heard(/ 001 eve :/);
    eve.say(
      'PRIVMSG #harbor :spam',
      'PRIVMSG nobody :x',
      'JOIN harbor',
      'PART #harbor',
      'DANCE',
      'constructor',
    );
    for (const number of [404, 401, 403, 442, 421]) await eve.heard(new RegExp(` ${number} eve `));
    eve.say(':ada PING :token');
    t.match(await eve.heard(/PONG/), /^:\S+ PONG \S+ :token$/);
    // What was sent to her before has come before it.
    ada.say('PING :all');
    await ada.heard(/ PONG \S+ :all$/);
    t.notOk(ada.lines.some((line) => line.includes('spam')));
    eve.socket.write('x'.repeat(10_000));
    await eve.ended();
  });

  await t.test('a new nickname and a goodbye are heard in the channel', async (t) => {
    bob.say('NICK robert');
    await ada.heard(/^:bob!bob@\S+ NICK :robert$/);
    bob.say('QUIT :tea', 'JOIN #harbor');
    await ada.heard(/^:robert!bob@\S+ QUIT :tea$/);
    await bob.ended();
    await signedIn(t, port, 'robert');
    ada.lines.length = 0;
    ada.say('NAMES #harbor', 'WHO #harbor', 'MODE #harbor');
    t.match(await ada.heard(/ 353 /), / 353 ada = #harbor :ada$/, 'the channel has forgotten who left');
    t.match(await ada.heard(/ 352 /), / 352 ada #harbor ada 127\.0\.0\.1 irc\.harbor\.example ada H :0 ada$/);
    t.match(await ada.heard(/ 324 /), / 324 ada #harbor \+$/);
  });
});

async function signedIn(t: Test, port: number, nick: string): Promise<LineClient> {
  const client = await LineClient.to(t, port);
  client.say('CAP LS 302', `NICK ${nick}`, `USER ${nick} 0 * :${nick}`);
  await client.heard(new RegExp(` 001 ${nick} `));
  return client;
}
