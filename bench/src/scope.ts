import type { Scope } from '@harbor/testbed';

/** What is to be ended of all that goes on now, in the order of its beginning. */
const open = new Set<() => Promise<void>>();

/** Does some work and ends all that it started, in reverse, however it came out. */
export async function within<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const tasks: (() => unknown)[] = [];
  const end = async (): Promise<void> => {
    for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) await task();
  };
  open.add(end);
  try {
    return await work({ teardown: (task) => tasks.push(task) });
  } finally {
    await end();
    open.delete(end);
  }
}

/** Ends what goes on, and then this process, where somebody interrupts it. */
export function endOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      void (async () => {
        for (const end of [...open].reverse()) await end();
      })().finally(() => process.exit(1));
    });
}
