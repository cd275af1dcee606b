/**
 * One entry of the error catalogue.
 *
 * `status` is the HTTP status an API answers with; `summary` says what the code means; `remedy` says
 * what the person who sees it can do. `docs/errors.md` is made from these and a test keeps it in step.
 */
export interface ErrorEntry {
  readonly status: number;
  readonly summary: string;
  readonly remedy: string;
}
