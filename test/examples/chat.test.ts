import { TestHarbor } from '@harbor/testbed';
import t from 'tap';
import { runExample } from './support/example.js';
import { LineClient } from './support/line-client.js';

t.test('examples, chat - people hear each other through the port', async (t) => {
  const harbor = await TestHarbor.start(t);
  const { port } = await runExample(t, harbor, 'chat');
  const ada = await LineClient.to(t, port);
  await ada.heard(/what is your name/);
  ada.say('ada');
  await ada.heard(/^\* ada has come$/);

  await t.test('what one says all hear, in its order', async (t) => {
    const bob = await LineClient.to(t, port);
    bob.say('bob', 'hello', 'is anybody there?');
    await ada.heard(/^bob: is anybody there\?$/);
    ada.say('yes');
    for (const each of [ada, bob]) await each.heard(/^ada: yes$/);
    const talk = ['* bob has come', 'bob: hello', 'bob: is anybody there?', 'ada: yes'];
    t.strictSame(bob.lines.slice(1), talk);
    t.strictSame(ada.lines.slice(-4), talk);
    ada.say('/__proto__');
    await ada.heard(/just say something/);
    ada.say('/who');
    t.equal(await ada.heard(/here are/), '* here are: ada, bob');
    bob.say('/quit');
    await bob.ended();
    await ada.heard(/^\* bob has left$/);
  });

  await t.test('a name is taken once, and is a name', async (t) => {
    const other = await LineClient.to(t, port);
    other.say('ada', 'no name', 'eve');
    await other.heard(/called ada already/);
    await other.heard(/a name has 1 to 20/);
    t.equal(await other.heard(/has come/), '* eve has come');
    other.socket.destroy();
    await ada.heard(/^\* eve has left$/);
  });

  await t.test('a line without an end sends away only who sent it', async (t) => {
    const endless = await LineClient.to(t, port);
    endless.socket.write('x'.repeat(100_000));
    await endless.ended();
    ada.say('still here');
    t.equal(await ada.heard(/still here/), 'ada: still here');
  });

  await t.test('somebody who does not read does not stop the others', async (t) => {
    const deaf = await LineClient.to(t, port);
    deaf.say('deaf');
    await ada.heard(/^\* deaf has come$/);
    deaf.socket.pause();
    const chatter = Array.from({ length: 2_000 }, () => 'x'.repeat(400));
    for (let times = 0; times < 40 && !ada.lines.includes('* deaf has left'); times++) {
      ada.say(...chatter, `round ${times}`);
      await ada.heard(new RegExp(`^ada: round ${times}$`));
    }
    t.ok(ada.lines.includes('* deaf has left'));
  });
});
