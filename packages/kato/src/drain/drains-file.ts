import { HarborError } from '@harbor/core';
import { parseJson, z } from '@harbor/wire';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drainSchema, type Drain } from './drain.js';

const fileSchema = z
  .strictObject({ drains: z.array(drainSchema).readonly() })
  .refine(({ drains }) => new Set(drains.map(({ name }) => name)).size === drains.length, {
    message: 'two have the same name',
    path: ['drains'],
  });

/** The drains of a home: `var/drains.json`, mode 0600 because it says where the logs go. */
export class DrainsFile {
  readonly path: string;

  constructor(varDirectory: string) {
    this.path = join(varDirectory, 'drains.json');
  }

  /** The drains there are; none where there is no file. Errors: HARBOR_CONFIG_INVALID where it is broken. */
  read(): readonly Drain[] {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new HarborError('HARBOR_CONFIG_INVALID', `${this.path} cannot be read: ${String(cause)}`, {
        cause,
      });
    }
    return parseJson(fileSchema, text, 'HARBOR_CONFIG_INVALID', this.path).drains;
  }

  /** Replaces all in one step: a reader, or a crash, sees the old ones or the new ones. */
  write(drains: readonly Drain[]): void {
    const temporary = `${this.path}.${process.pid}`;
    try {
      const file = openSync(temporary, 'w', 0o600);
      try {
        writeFileSync(file, `${JSON.stringify({ drains }, null, 2)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.path);
    } catch (thrown) {
      rmSync(temporary, { force: true });
      throw thrown;
    }
  }

  /** Adds one. Errors: HARBOR_USAGE where its name is taken, HARBOR_CONFIG_INVALID. */
  add(drain: Drain): void {
    const drains = this.read();
    if (drains.some(({ name }) => name === drain.name))
      throw new HarborError('HARBOR_USAGE', `there is a drain ${drain.name} already`);
    this.write([...drains, drain]);
  }

  /** Removes one. Errors: HARBOR_DRAIN_NOT_FOUND, HARBOR_CONFIG_INVALID. */
  delete(name: string): void {
    const drains = this.read();
    const left = drains.filter((drain) => drain.name !== name);
    if (left.length === drains.length)
      throw new HarborError('HARBOR_DRAIN_NOT_FOUND', `there is no drain ${name}`);
    this.write(left);
  }
}
