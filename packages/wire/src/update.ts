import { z } from 'zod';
import { serviceParameters } from './parameters.js';
import { instanceRecord } from './records.js';
import { credentialsReply } from './service-node.js';

/** A service's new name, and what is written with it. */
const renaming = z.object({
  name: z.string().max(255).describe('What the service is called from now on.'),
  owner: z.string().max(10_000).nullish().describe('Who gets its port back while it cools down.'),
  takes: z.string().max(10_000).nullish().describe('The record of the new name; it must not be there yet.'),
  leaves: z.string().max(10_000).nullish().describe('The record of the old name, which ends.'),
});

export type Renaming = z.output<typeof renaming>;

/**
 * `S.update.NODE`: a service as it is to be from now on. The gateway's own record rides along, so that one
 * commit changes both: whoever crashes in between, they never tell two stories.
 */
export const updateRequest = z.object({
  name: z.string().min(1).max(255).describe("The `name` of the service's credentials."),
  plan: z.string().max(64),
  parameters: serviceParameters.describe('All that hold from now on, not only those that change.'),
  instance: z
    .object({ revision: z.int(), record: instanceRecord })
    .nullish()
    .describe("The gateway's record, written together with the service where it still is at `revision`."),
  renamed: renaming
    .nullish()
    .describe('Where the name changes: all that is written with it, in the same commit.'),
});

export type UpdateRequest = z.output<typeof updateRequest>;

/** The credentials, which an update leaves as they are, and the revision of the state that has the change. */
export const updateReply = credentialsReply.extend({ revision: z.int().nullish() });
