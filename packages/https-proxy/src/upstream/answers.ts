import { systemClock } from '@harbor/machine';
import { connect } from 'node:net';

/** How often it is tried whether the application listens, ms. */
const TRY = 100;

/** Resolves when the application's server takes connections. */
export async function answers(to: { host: string; port: number }): Promise<boolean> {
  for (;;) {
    const accepted = await new Promise<boolean>((done) => {
      const socket = connect(to)
        .once('connect', () => done(true))
        .once('error', () => done(false))
        .once('close', () => done(false));
      socket.once('connect', () => socket.destroy());
    });
    if (accepted) return true;
    await new Promise<void>((done) => void systemClock.schedule(TRY, done));
  }
}
