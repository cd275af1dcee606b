import { HarborError } from '@harbor/core';

/** One operation at a time on each instance of this process; a second one is refused, not queued. */
export class OperationLocks {
  readonly #held = new Set<string>();

  /** Errors: HARBOR_SERVICE_BUSY where another operation holds the instance. */
  async hold<T>(instance: string, operation: () => Promise<T>): Promise<T> {
    if (this.#held.has(instance)) throw busy(instance);
    this.#held.add(instance);
    try {
      return await operation();
    } finally {
      this.#held.delete(instance);
    }
  }

  isHeld(instance: string): boolean {
    return this.#held.has(instance);
  }
}

/** The error of an instance that another operation, of this process or another, is working on. */
export function busy(instance: string): HarborError {
  return new HarborError(
    'HARBOR_SERVICE_BUSY',
    `another operation on service instance ${JSON.stringify(instance)} is under way`,
  );
}
