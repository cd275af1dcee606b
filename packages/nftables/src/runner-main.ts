import { asHarborError } from '@harbor/core';
import { run } from './command.js';
import type { Order, Outcome } from './runner.js';

/** The process beside the connector: it runs what it is told and ends with the one that asks. */

const answer = (outcome: Outcome): void => {
  // Whoever asked may have gone.
  if (process.connected) process.send?.(outcome, () => undefined);
};
let underWay = 0;

process.on('message', ({ id, program, args, input }: Order) => {
  underWay++;
  void run(program, args, input)
    .then((out) => answer({ id, out }))
    .catch((error: unknown) => answer({ id, error: asHarborError(error).message }))
    .finally(() => {
      underWay--;
      if (!process.connected && underWay === 0) process.exit();
    });
});
process.on('disconnect', () => {
  if (underWay === 0) process.exit();
});
// Ctrl-C reaches everybody who stands in the foreground: the one that asks says when it is over.
process.on('SIGINT', () => undefined);
