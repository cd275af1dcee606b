import { renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Rotates harbor_redis.log above `size` MB, keeping `count` old ones. Redis opens its log anew for every
 * line, so renaming it is all there is to do.
 */
export function rotateRedisLog(logs: string, size: number, count: number): void {
  const path = join(logs, 'harbor_redis.log');
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes < size * 1_048_576) return;
  rmSync(`${path}.${count}`, { force: true });
  for (let number = count - 1; number >= 1; number--) {
    if (statSync(`${path}.${number}`, { throwIfNoEntry: false }))
      renameSync(`${path}.${number}`, `${path}.${number + 1}`);
  }
  if (count > 0) renameSync(path, `${path}.1`);
  else rmSync(path);
}
