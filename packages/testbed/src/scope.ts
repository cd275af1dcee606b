/** What ends: a test of tap, or a run of the benchmark. What is torn down is torn down in reverse. */
export interface Scope {
  teardown(task: () => unknown): unknown;
}
