import { ManualClock, RouteTable, type Transport } from '@harbor/core';
import t from 'tap';
import { ReservationDesk } from '../src/reservations.js';

t.test('reservations - a port that is being provisioned is promised to nobody else', async (t) => {
  const clock = new ManualClock();
  const released: number[] = [];
  const desk = new ReservationDesk({
    binder: {
      reserve: () => Promise.resolve({ held: true }),
      release: (port) => Promise.resolve(void released.push(port)),
    },
    table: new RouteTable('harbor_node_1'),
    clock,
    holderOf: () => undefined,
    log: { info: () => undefined },
  });
  const ask = (service?: string, transports: readonly Transport[] = ['udp']) =>
    desk.reserve([35_000], transports, 15_000, { service });

  t.match(await ask('one'), { held: 35_000 });
  for (const other of ['two', undefined])
    t.match(await ask(other), { held: null, skipped: [{ port: 35_000, reason: 'is being provisioned' }] });
  t.strictSame(released, []);

  await t.test('but the service it is for, whose node may have died over it', async (t) => {
    t.match(await ask('one'), { held: 35_000 });
    t.strictSame(released, [35_000], 'what was held is held anew');
  });

  await t.test('and to anybody when the time for it is over', async (t) => {
    clock.advance(15_000);
    t.match(await ask(), { held: 35_000 });
    t.match(await ask(), { held: null }, 'without a service nobody is the same');
  });
});
