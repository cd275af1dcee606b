import { HarborError, type Clock, type Millis } from '@harbor/core';
import { handlesReply, parseJson, V1_LABEL, type Offering } from '@harbor/wire';
import type { ForeignHandle } from '../orphans/known.js';

/** How long the cloud controller may take to answer. */
const PATIENCE: Millis = 5_000;

export interface CloudControllerOptions {
  /** Its address, without `/services/…`. */
  readonly uri: string;
  readonly token: () => string;
  readonly clock: Clock;
}

/** The cloud controller's side of the v1 gateway (wire facts §1). */
export class CloudController {
  constructor(readonly options: CloudControllerOptions) {}

  /** Says what there is to be had. Errors: HARBOR_CLOUD_CONTROLLER_UNAVAILABLE. */
  async offer(offering: Offering): Promise<void> {
    await this.#call('POST', '/services/v1/offerings', JSON.stringify(offering));
  }

  /** The handles it knows. Errors: HARBOR_CLOUD_CONTROLLER_UNAVAILABLE. */
  async handles(): Promise<readonly ForeignHandle[]> {
    const text = await this.#call('GET', `/services/v1/offerings/${encodeURIComponent(V1_LABEL)}/handles`);
    const what = 'the handles of the cloud controller';
    return parseJson(handlesReply, text, 'HARBOR_CLOUD_CONTROLLER_UNAVAILABLE', what).handles;
  }

  async #call(method: string, path: string, body?: string): Promise<string> {
    const { uri, token, clock } = this.options;
    const late = new AbortController();
    const cancel = clock.schedule(PATIENCE, () => {
      late.abort();
    });
    try {
      const answer = await fetch(`${uri.replace(/\/+$/, '')}${path}`, {
        method,
        headers: { 'content-type': 'application/json', 'x-vcap-service-token': token() },
        // The token is for this host only.
        redirect: 'error',
        signal: late.signal,
        ...(body === undefined ? {} : { body }),
      });
      const text = await answer.text();
      if (answer.status !== 200) throw unavailable(`it answered ${method} ${path} with ${answer.status}`);
      return text;
    } catch (cause) {
      if (cause instanceof HarborError) throw cause;
      const reason = late.signal.aborted ? `no answer within ${PATIENCE / 1_000} s` : reasonOf(cause);
      throw unavailable(`${method} ${path}: ${reason}`, cause);
    } finally {
      cancel();
    }
  }
}

function unavailable(problem: string, cause?: unknown): HarborError {
  return new HarborError('HARBOR_CLOUD_CONTROLLER_UNAVAILABLE', `the cloud controller: ${problem}`, {
    cause,
  });
}

/** fetch() hides what happened behind "fetch failed". */
function reasonOf(thrown: unknown): string {
  const { cause } = thrown as { cause?: { code?: unknown; message?: unknown } };
  return String(cause?.code ?? cause?.message ?? thrown);
}
