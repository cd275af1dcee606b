/**
 * What can go wrong, for programs:
 * - `HARBOR_CLIENT_OPTIONS`: an option is wrong; nothing was sent. `details.problems` names all that are.
 * - `HARBOR_CLIENT_NATS_UNAVAILABLE`: no NATS server answers at the addresses given.
 * - `HARBOR_CLIENT_NATS_REFUSED`: a server answers, but does not let this program in, or not say this.
 * - `HARBOR_CLIENT_NATS_CLOSED`: the connection that was given has been closed.
 * - `HARBOR_CLIENT_ABORTED`: the `signal` was aborted before the registration stood; its reason is the cause.
 */
export type HarborClientErrorCode =
  | 'HARBOR_CLIENT_ABORTED'
  | 'HARBOR_CLIENT_NATS_CLOSED'
  | 'HARBOR_CLIENT_NATS_REFUSED'
  | 'HARBOR_CLIENT_NATS_UNAVAILABLE'
  | 'HARBOR_CLIENT_OPTIONS';

/** Every error this library throws or tells of. */
export class HarborClientError extends Error {
  override readonly name = 'HarborClientError';

  constructor(
    readonly code: HarborClientErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.details = options.details ?? {};
  }

  /** More about it, for programs. */
  readonly details: Readonly<Record<string, unknown>>;
}
