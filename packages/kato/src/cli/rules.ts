import { isTaken, takeLock } from '@harbor/machine';
import { forwardedListeners, removeTable, run } from '@harbor/nftables';
import { say } from '@harbor/terminal';

/** Who has it has the kernel's table: one connector of a network namespace. */
const LOCK = 'nftables';

/** Says that the kernel goes on forwarding, where it does and no connector looks after it, and what ends that. */
export async function tellOfRules(command: string): Promise<void> {
  if (await isTaken(LOCK)) return;
  const count = await forwardedListeners(run);
  if (count === 0) return;
  say(
    `the kernel goes on forwarding ${count} ${count === 1 ? 'port' : 'ports'}; to end that too: ${command}`,
  );
}

/** Takes the kernel's rules away. Errors: HARBOR_DATA_PLANE_UNAVAILABLE. */
export async function flushRules(): Promise<void> {
  const lock = await takeLock(LOCK);
  if (!lock) {
    say("the kernel's rules stay: another Harbor of this machine has them");
    return;
  }
  try {
    await removeTable(run);
    say('the kernel forwards nothing any more');
  } finally {
    lock.close();
  }
}
