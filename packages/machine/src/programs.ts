import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/**
 * True where a program can be run: by its path, relative to `directory`, or by its name in one of the
 * directories of `path`.
 */
export function hasProgram(program: string, path = process.env.PATH ?? '', directory = '.'): boolean {
  const candidates = program.includes('/')
    ? [resolve(directory, program)]
    : path.split(delimiter).map((directory) => join(directory, program));
  return candidates.some(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
