import { HarborError, type Kind, type Records } from '@harbor/core';
import { z } from 'zod';
import { parse } from './parse.js';
import { recordSchema } from './records.js';

/** Names the file's form, so that another JSON file is told from one of ours. */
export const DATA_FORMAT = 'harbor-data';

/** The form this version writes, and the newest it reads. */
export const DATA_VERSION = 1;

/** What a file holds; claims of numbers are not among it, they follow from the services. */
export const DATA_KINDS = ['service', 'backend', 'instance', 'binding', 'name', 'cooling', 'config'] as const;

export type DataKind = (typeof DATA_KINDS)[number] & Kind;

/** Records of one kind by their ids. */
const table = <K extends DataKind>(kind: K) => z.record(z.string(), recordSchema(kind));

const head = z.object({ format: z.literal(DATA_FORMAT), version: z.int().min(1) });

/** What `kato data export` writes: everything that Harbor keeps, at one revision of its state. */
export const dataFile = z.strictObject({
  format: z.literal(DATA_FORMAT),
  version: z.literal(DATA_VERSION),
  exported_at: z.iso.datetime(),
  harbor_version: z.string(),
  node_id: z.string().describe('The node it was exported on.'),
  records: z.strictObject({
    service: table('service').describe('Services with their ports.'),
    backend: table('backend').describe('The instances that were announced; each has a whole lease anew.'),
    instance: table('instance').describe('Service instances as platforms asked for them.'),
    binding: table('binding'),
    name: table('name').describe('Names that are unique in a space.'),
    cooling: table('cooling').describe('Ports given back and kept from others.'),
    config: table('config').describe('What kato config set has stored, secrets included.'),
  }),
});

export type DataFile = z.output<typeof dataFile>;

/** The records of a file; every kind is there, perhaps without any. */
export type DataRecords = { readonly [K in DataKind]: Readonly<Record<string, Records[K]>> };

/**
 * Reads the text of a file. Errors: HARBOR_DATA_INVALID, naming what is wrong where, or that a newer
 * Harbor wrote it.
 */
export function parseDataFile(text: string, what: string): DataFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HarborError('HARBOR_DATA_INVALID', `${what}: not JSON, or not all of it`, { cause });
  }
  const { version } = parse(head, value, 'HARBOR_DATA_INVALID', what);
  if (version > DATA_VERSION) {
    const message = `${what}: written by a newer Harbor, in version ${version}; this one reads up to ${DATA_VERSION}`;
    throw new HarborError('HARBOR_DATA_INVALID', message);
  }
  return parse(dataFile, value, 'HARBOR_DATA_INVALID', what);
}
