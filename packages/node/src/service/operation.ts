import type { Bus } from '@harbor/bus';
import { asHarborError, type HarborError } from '@harbor/core';
import { failureOf, parse, z } from '@harbor/wire';

export interface OperationLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/**
 * How a node answers: `{success: true, …}`, or `{success: false, error}` for whatever went wrong, a
 * message that does not fit the schema included. What `run` gives as a list is the answer itself.
 */
export function operations(bus: Bus, log: OperationLog) {
  return <T>(subject: string, schema: z.ZodType<T>, run: (request: T) => Promise<object>): void => {
    const refuse = (error: HarborError): object => ({ success: false, error: failureOf(error) });
    const answer = async (value: unknown): Promise<object> => {
      try {
        const answer = await run(parse(schema, value, 'HARBOR_MESSAGE_INVALID', subject));
        return Array.isArray(answer) ? (answer as unknown[]) : { success: true, ...answer };
      } catch (thrown) {
        const error = asHarborError(thrown);
        log.warn({ event: 'refused', subject, err: error }, error.message);
        return refuse(error);
      }
    };
    bus.serve(subject, z.unknown(), answer, refuse);
  };
}
