import { asHarborError } from '@harbor/core';
import { note } from '@harbor/terminal';

/**
 * Does some work. What does not answer, or may not be asked, keeps nobody who insists: with `force` that is said,
 * and the result is undefined. Errors: those of the work.
 */
export async function orForced<T>(force: boolean, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    const { code, message } = asHarborError(thrown);
    const passable = code === 'HARBOR_REDIS_UNAVAILABLE' || code === 'HARBOR_DATA_PLANE_UNAVAILABLE';
    if (!force || !passable) throw thrown;
    note(message);
    return undefined;
  }
}
