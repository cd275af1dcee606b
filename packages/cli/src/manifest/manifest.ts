/** A service that a manifest asks for: it is made where there is none of this name. */
export interface WantedService {
  readonly name: string;
  /** tcp, udp, both or free; absent: free, where the name decides. */
  readonly plan?: string;
  /** As `create-service -c` takes them. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** One application of a manifest. What is absent was not said. */
export interface ManifestApplication {
  readonly name: string;
  /** Its code, relative to the manifest's folder. */
  readonly folder?: string;
  /** MB for each instance. */
  readonly memory?: number;
  readonly instances?: number;
  /** For a shell. */
  readonly command?: string;
  /** False for `processes: web: ~` and `no-route: true`: it gets no port for HTTP. */
  readonly http: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly services: readonly WantedService[];
  /** The shell commands of `hooks: pre-running`, in their order. */
  readonly preRunning: readonly string[];
}

/** What is to be said of a manifest; an error keeps it from being used. Lines and columns count from 1. */
export interface ManifestProblem {
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

/** A manifest as it was read; with an error among the problems the applications are not to be trusted. */
export interface Manifest {
  readonly applications: readonly ManifestApplication[];
  readonly problems: readonly ManifestProblem[];
}
