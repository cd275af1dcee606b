import { z } from 'zod';

/** What can stand in a NATS subject without changing its meaning. */
const SUBJECT_TOKENS = /^[^\s\p{Cc}.*>]+(?:\.[^\s\p{Cc}.*>]+)*$/u;

/** The id of a node, which becomes part of NATS subjects. */
export const nodeId = z
  .string()
  .min(1)
  .max(64)
  .refine((id) => SUBJECT_TOKENS.test(id), { error: 'cannot be part of a NATS subject' });
