import type { HarborError } from '@harbor/core';

/** What a process tells the supervisor that started it. */
export type ProcessMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly remedy: string };

/** Tells the supervisor, where there is one; resolves when it has been told. */
export function tellSupervisor(message: ProcessMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

export function failedMessage(error: HarborError): ProcessMessage {
  return { type: 'failed', code: error.code, message: error.message, remedy: error.entry.remedy };
}
