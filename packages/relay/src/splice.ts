import type { Socket } from 'node:net';

/**
 * Moves bytes both ways between two connections until both directions have ended: an end passes on as an
 * end (half-close), a failure as a reset, and a side that does not read slows the other down. `done` is
 * called once, when nothing is left of either.
 */
export function splice(a: Socket, b: Socket, done: () => void): void {
  let open = 2;
  const closed = (): void => {
    open--;
    if (open === 0) done();
  };
  forward(a, b);
  forward(b, a);
  a.once('close', closed);
  b.once('close', closed);
}

function forward(from: Socket, to: Socket): void {
  from.pipe(to);
  from.once('close', (failed) => {
    // An orderly end has been passed on by the pipe; what is cut short must not look like one.
    if ((failed || !from.readableEnded) && !to.destroyed) to.resetAndDestroy();
  });
}
