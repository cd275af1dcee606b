import { backoffDelay } from '@harbor/core';
import fc from 'fast-check';
import t from 'tap';
import {
  advance,
  STOPPED,
  type Effect,
  type Lifecycle,
  type LifecycleEvent,
} from '../src/processes/lifecycle.js';

const noJitter = (): number => 0;
const crash: LifecycleEvent = { type: 'ended', reason: 'ended by SIGKILL', final: false };

/** Lets events happen one after the other, each `step` ms after the one before. */
function live(events: readonly LifecycleEvent[], step = 0, from: Lifecycle = STOPPED) {
  const effects: Effect[] = [];
  let life = from;
  let time = life.since;
  for (const event of events) {
    const { next, effect } = advance(life, event, (time += step), noJitter);
    life = next;
    effects.push(effect);
  }
  return { life, effects, time };
}

const serving = live([{ type: 'start' }, { type: 'spawned', pid: 7 }, { type: 'ready' }]).life;

t.test('lifecycle - a process is started, says that it is ready, and runs', (t) => {
  const { life, effects } = live([{ type: 'start' }, { type: 'spawned', pid: 7 }, { type: 'ready' }], 10);
  t.strictSame(life, { state: 'RUNNING', pid: 7, since: 30, restarts: 0, crashes: 0 });
  t.strictSame(effects, [{ do: 'spawn' }, { do: 'nothing' }, { do: 'nothing' }]);
  t.end();
});

t.test('lifecycle - a process that is told to stop is ended, and is stopped when it has gone', (t) => {
  const stopping = live([{ type: 'stop' }], 5, serving);
  t.match(stopping.life, { state: 'STOPPING', pid: 7 });
  t.strictSame(stopping.effects, [{ do: 'end' }]);
  t.strictSame(live([crash], 5, stopping.life).life, {
    state: 'STOPPED',
    since: 10,
    restarts: 0,
    crashes: 0,
  });
  t.end();
});

t.test('lifecycle - a process that is told to stop while it starts is ended, and never runs', (t) => {
  const starting = live([{ type: 'start' }, { type: 'spawned', pid: 7 }]).life;
  const { life, effects } = live([{ type: 'stop' }, { type: 'ready' }], 0, starting);
  t.equal(life.state, 'STOPPING');
  t.strictSame(effects, [{ do: 'end' }, { do: 'nothing' }]);
  const early = live([{ type: 'start' }, { type: 'stop' }, { type: 'spawned', pid: 7 }]);
  t.equal(early.life.state, 'STOPPED', 'also before there is anything to end');
  t.strictSame(early.effects.slice(1), [{ do: 'nothing' }, { do: 'nothing' }]);
  t.end();
});

t.test('lifecycle - a crash means BACKOFF with its reason, then a start that is counted', (t) => {
  const { life, effects } = live([crash], 0, serving);
  t.match(life, { state: 'BACKOFF', reason: 'ended by SIGKILL', restarts: 0, crashes: 1, pid: undefined });
  t.strictSame(effects, [{ do: 'retry', after: 250 }]);
  const again = live([{ type: 'retry' }], 0, life);
  t.match(again.life, { state: 'STARTING', restarts: 1 });
  t.equal(again.life.reason, undefined);
  t.strictSame(again.effects, [{ do: 'spawn' }]);
  t.end();
});

t.test('lifecycle - crashes in a row wait longer each time, and the sixth is FATAL', (t) => {
  const waits: number[] = [];
  let life = serving;
  for (;;) {
    const crashed = live([crash], 1, life);
    life = crashed.life;
    const [effect] = crashed.effects;
    if (effect?.do !== 'retry') break;
    waits.push(effect.after);
    life = live([{ type: 'retry' }, { type: 'spawned', pid: 8 }], 1, life).life;
  }
  t.strictSame(waits, [250, 500, 1_000, 2_000, 4_000]);
  t.match(life, { state: 'FATAL', reason: 'ended by SIGKILL', restarts: 5, crashes: 6 });
  t.end();
});

t.test('lifecycle - a failure that starting again cannot mend is FATAL at once', (t) => {
  const reason = 'harbor_redis needs port 6390, which pid 4711 holds';
  const { life, effects } = live([{ type: 'start' }, { type: 'ended', reason, final: true }]);
  t.match(life, { state: 'FATAL', reason, restarts: 0 });
  t.strictSame(effects[1], { do: 'nothing' });
  t.end();
});

t.test('lifecycle - having served for ten seconds a process is well again', (t) => {
  const crashedOften: Lifecycle = { ...serving, crashes: 5, restarts: 5 };
  const early = live([crash], 9_999, crashedOften);
  t.equal(early.life.state, 'FATAL');
  const late = live([crash], 10_000, crashedOften);
  t.match(late.life, { state: 'BACKOFF', crashes: 1, restarts: 5 });
  t.strictSame(late.effects, [{ do: 'retry', after: 250 }]);
  t.end();
});

t.test('lifecycle - asked to start anew, one that was given up begins from nothing', (t) => {
  for (const state of ['FATAL', 'BACKOFF', 'STOPPED'] as const) {
    const { life, effects } = live([{ type: 'start' }], 1, { ...serving, state, crashes: 6, restarts: 5 });
    t.strictSame(life, { state: 'STARTING', since: 1, restarts: 0, crashes: 0 }, state);
    t.strictSame(effects, [{ do: 'spawn' }], state);
  }
  t.end();
});

const states = ['STARTING', 'RUNNING', 'STOPPING', 'STOPPED', 'BACKOFF', 'FATAL'] as const;
const anEvent: fc.Arbitrary<LifecycleEvent> = fc.oneof(
  fc.constantFrom<LifecycleEvent>({ type: 'start' }, { type: 'ready' }, { type: 'stop' }, { type: 'retry' }),
  fc.record({ type: fc.constant('spawned' as const), pid: fc.integer({ min: 1, max: 99_999 }) }),
  fc.record({ type: fc.constant('ended' as const), reason: fc.string(), final: fc.boolean() }),
);
const aLife: fc.Arbitrary<Lifecycle> = fc.record(
  {
    state: fc.constantFrom(...states),
    since: fc.nat(),
    restarts: fc.nat(50),
    crashes: fc.nat(5),
    pid: fc.integer({ min: 1, max: 99_999 }),
  },
  { requiredKeys: ['state', 'since', 'restarts', 'crashes'] },
);

/** The events that mean something in a state; every other one changes nothing. */
const FITTING: Readonly<Record<Lifecycle['state'], readonly LifecycleEvent['type'][]>> = {
  STARTING: ['spawned', 'ready', 'stop', 'ended'],
  RUNNING: ['stop', 'ended'],
  STOPPING: ['ended'],
  STOPPED: ['start'],
  BACKOFF: ['start', 'stop', 'retry'],
  FATAL: ['start', 'stop'],
};

t.test('lifecycle - an event that does not fit changes nothing, and every other one does', (t) => {
  fc.assert(
    fc.property(aLife, anEvent, fc.nat(), (life, event, later) => {
      const { next, effect } = advance(life, event, life.since + later, noJitter);
      if (FITTING[life.state].includes(event.type)) return next !== life;
      return next === life && effect.do === 'nothing';
    }),
  );
  t.pass();
  t.end();
});

t.test('lifecycle - it is spawned only to be STARTING, ended only to be STOPPING', (t) => {
  fc.assert(
    fc.property(fc.array(anEvent, { maxLength: 60 }), fc.nat(5_000), (events, step) => {
      let life = STOPPED;
      let time = 0;
      for (const event of events) {
        const { next, effect } = advance(life, event, (time += step), noJitter);
        if ((effect.do === 'spawn') !== (next.state === 'STARTING' && life.state !== 'STARTING'))
          return false;
        if ((effect.do === 'end') !== (next.state === 'STOPPING' && life.state !== 'STOPPING')) return false;
        if ((effect.do === 'retry') !== (next.state === 'BACKOFF' && life.state !== 'BACKOFF')) return false;
        if (next.pid !== undefined && ['STOPPED', 'BACKOFF', 'FATAL'].includes(next.state)) return false;
        life = next;
      }
      return true;
    }),
  );
  t.pass();
  t.end();
});

t.test(
  'lifecycle - whatever the chance, a wait is within a quarter of its step and never above 15 s',
  (t) => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(4), chance, (crashes, random) => {
        const { effect } = advance({ ...serving, crashes }, crash, 1, () => random);
        const full = backoffDelay({ first: 250, most: 15_000 }, crashes, noJitter);
        if (effect.do !== 'retry') return false;
        return effect.after <= full && effect.after >= Math.floor(full * 0.75) && effect.after <= 15_000;
      }),
    );
    t.pass();
    t.end();
  },
);
