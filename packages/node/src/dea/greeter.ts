import type { Bus } from '@harbor/bus';
import { DEA_SUBJECTS, z, type StartMessage } from '@harbor/wire';

export interface GreeterOptions {
  readonly bus: Bus;
  readonly node: string;
  readonly hosts: () => string[];
  /** How often a DEA registers its instances, s. */
  readonly registerInterval: () => number;
  /** After how long an instance not heard of is dropped, s. */
  readonly pruneThreshold: () => number;
}

/** Asks all DEAs to register anew, and tells each that asks what it has to know. */
export class Greeter {
  constructor(readonly options: GreeterOptions) {}

  start(): void {
    const { bus } = this.options;
    bus.serve(DEA_SUBJECTS.greet, z.unknown(), async () => Promise.resolve(this.#message()));
    this.greet();
  }

  /** `harbor.start`: at the start and after every reconnect. */
  greet(): void {
    this.options.bus.publish(DEA_SUBJECTS.start, this.#message());
  }

  #message(): StartMessage {
    return {
      id: this.options.node,
      hosts: this.options.hosts(),
      minimumRegisterIntervalInSeconds: this.options.registerInterval(),
      pruneThresholdInSeconds: this.options.pruneThreshold(),
    };
  }
}
