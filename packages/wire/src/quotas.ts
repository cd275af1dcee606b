import type { Quotas } from '@harbor/core';
import { z } from 'zod';

const limit = z.int().min(0).max(1_000_000).nullable().exactOptional();
const limits = { services: limit, ports: limit };
const id = z.string().min(1).max(255);

/** `harbor_gateway quotas`, JSON text. Keys that it does not know are refused: a slip would lift a limit. */
export const quotas: z.ZodType<Quotas> = z.strictObject({
  default: z
    .strictObject({
      organization: z.strictObject(limits).exactOptional(),
      space: z.strictObject(limits).exactOptional(),
    })
    .exactOptional(),
  organizations: z
    .record(id, z.strictObject({ ...limits, spaces: z.record(id, z.strictObject(limits)).exactOptional() }))
    .exactOptional(),
});

/** The quotas a text says; undefined where it is not of that form. */
export function parseQuotas(text: string): Quotas | undefined {
  try {
    return quotas.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
