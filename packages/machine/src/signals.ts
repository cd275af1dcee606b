/** Resolves when the process is told to end. A second signal ends it at once, where nobody else handles it. */
export function untilSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => done());
  });
}
