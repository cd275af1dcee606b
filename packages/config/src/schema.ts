import type { FormatName } from './formats.js';

/** One configuration key: the truth that convict, the environment, `kato config` and the reference share. */
export interface Key<T> {
  readonly doc: string;
  readonly format: FormatName;
  /** A default; undefined where it is found at the start (`derived` says how). */
  readonly default: T;
  readonly derived?: string;
  readonly sensitive?: true;
  /** The process that reads it at its start only. */
  readonly atStartOf?: string;
}

function key<T>(doc: string, format: FormatName, value: T, more: Partial<Key<T>> = {}): Key<T> {
  return { doc, format, default: value, ...more };
}

/** Every component and key (contract §1). */
export const SCHEMA = {
  cluster: {
    service_name: key(
      'The S of the service gateway and node subjects over NATS.',
      'harbor-word',
      'HarboraaS',
      { atStartOf: 'harbor' },
    ),
  },
  kato: {
    log_level: key('The least important lines that are logged.', 'harbor-log-level', 'info'),
    log_size: key('A log is rotated when it reaches this size, MB.', 'harbor-size', 20),
    log_count: key('How many rotated files of each log are kept.', 'harbor-count', 5),
    ready_timeout: key('How long a process may take until it serves, s.', 'harbor-seconds', 60),
    join_host: key(
      'The address where other nodes reach this core; 0.0.0.0 is every IPv4 and IPv6 address.',
      'harbor-address',
      '0.0.0.0',
    ),
    join_port: key(
      'The port where other nodes reach this core, TLS; closed until the first kato node list --join.',
      'harbor-port',
      8192,
    ),
    stop_timeout: key('How long a process may take to end before it is killed, s.', 'harbor-seconds', 15),
  },
  nats_server: {
    port: key('The port of the NATS that Harbor starts.', 'harbor-port', 4222, { atStartOf: '' }),
    url: key<string | null>('An existing NATS to use; Harbor then starts none.', 'harbor-nats-url', null, {
      atStartOf: '',
      sensitive: true,
    }),
    ca: key<string | null>(
      'The certificates (PEM) that tls:// servers have to be signed by; unset: those Node.js knows.',
      'harbor-file-or-unset',
      null,
      { atStartOf: '' },
    ),
  },
  harbor_redis: {
    port: key('The port of the Redis that Harbor starts.', 'harbor-port', 6390),
    url: key<string | null>('An existing Redis to use; Harbor then starts none.', 'harbor-redis-url', null, {
      sensitive: true,
    }),
    ca: key<string | null>(
      'The certificates (PEM) that rediss:// servers have to be signed by; unset: those Node.js knows.',
      'harbor-file-or-unset',
      null,
    ),
  },
  harbor_gateway: {
    host: key('The address the gateway listens on.', 'harbor-host', '127.0.0.1', {
      atStartOf: 'harbor_gateway',
    }),
    port: key('The port the gateway listens on.', 'harbor-port', 8190, { atStartOf: 'harbor_gateway' }),
    url: key<string | null>(
      'Where the cloud controller reaches the gateway; unset: http://HOST:PORT.',
      'harbor-http-url',
      null,
      { atStartOf: 'harbor_gateway' },
    ),
    cloud_controller_uri: key<string | null>(
      'The cloud controller to offer the service to through the v1 gateway; unset: none. It gets the token.',
      'harbor-http-url',
      null,
      { atStartOf: 'harbor_gateway' },
    ),
    token: key('The X-VCAP-Service-Token of the v1 gateway.', 'harbor-secret', '', {
      derived: 'generated at the first start',
      sensitive: true,
    }),
    username: key('The user of the basic authentication.', 'harbor-username', '', {
      derived: 'generated at the first start',
      sensitive: true,
    }),
    password: key('The password of the basic authentication.', 'harbor-secret', '', {
      derived: 'generated at the first start',
      sensitive: true,
    }),
    quotas: key<string | null>(
      'How many services and ports organizations and spaces may have, as JSON; docs/operating.md shows how.',
      'harbor-quotas',
      null,
    ),
  },
  harbor_node: {
    port_range: key(
      'The ports services get, inclusive; a change applies to new ports, those already provisioned stay.',
      'harbor-port-range',
      '35000-40000',
    ),
    cooldown: key(
      'A port given back is kept from others for this long, s; 0: not at all. The same name gets it back.',
      'harbor-seconds-or-zero',
      60,
    ),
    node_id: key('The name of this node, unique in the cluster.', 'harbor-node-id', 'harbor_node_1', {
      atStartOf: 'harbor',
    }),
    group: key<string | null>(
      'Nodes of one group serve every port of the group; unset: the node stands alone.',
      'harbor-word-or-unset',
      null,
      { atStartOf: 'harbor' },
    ),
    host: key('The internal address in credentials.', 'harbor-host', '', {
      derived: 'the first IPv4 address that is not loopback, else 127.0.0.1',
    }),
    hostname: key('The internal name in credentials.', 'harbor-host', '', { derived: 'the same as host' }),
    host_external: key<string | null>(
      'The public address in credentials (ext_host).',
      'harbor-host-or-unset',
      null,
    ),
    hostname_external: key<string | null>(
      'The public name in credentials (ext_hostname).',
      'harbor-host-or-unset',
      null,
    ),
    register_interval: key('How often DEAs register their instances, s.', 'harbor-seconds', 20),
    prune_threshold: key('A backend not heard of for this long is dropped, s.', 'harbor-seconds', 120),
  },
  harbor_proxy_connector: {
    data_plane: key<'auto' | 'embedded' | 'kernel'>(
      'What forwards the traffic.',
      'harbor-data-plane',
      'auto',
      { atStartOf: 'harbor_proxy_connector' },
    ),
    bind_host: key(
      'The address the ports listen on; 0.0.0.0 is every IPv4 and IPv6 address.',
      'harbor-address',
      '0.0.0.0',
      { atStartOf: 'harbor_proxy_connector' },
    ),
    workers: key<'auto' | number>('How many workers relay.', 'harbor-workers', 'auto'),
    connect_timeout: key('How long a backend may take to accept a connection, s.', 'harbor-timeout', 5),
    idle_timeout: key<'off' | number>(
      'A TCP connection silent for this long is ended, s.',
      'harbor-seconds-or-off',
      'off',
    ),
    udp_idle_timeout: key('A UDP flow silent for this long is forgotten, s.', 'harbor-seconds', 60),
    drain_timeout: key(
      'How long connections to a removed backend may go on, s.',
      'harbor-seconds-or-zero',
      30,
    ),
    max_connections: key('Open connections per port at most; 0 is no limit.', 'harbor-count', 0),
  },
} as const;

export type Component = keyof typeof SCHEMA;

/** The settings of all components, every key with its value. */
export type Settings = {
  readonly [C in Component]: {
    readonly [K in keyof (typeof SCHEMA)[C]]: (typeof SCHEMA)[C][K] extends Key<infer T> ? Widen<T> : never;
  };
};

type Widen<T> = T extends 'auto' | 'off' | 'embedded' | 'kernel'
  ? T
  : T extends string
    ? string
    : T extends number
      ? number
      : T;

/** Components that must be known before Redis is reached: their keys live in etc/harbor.yaml. */
const BOOTSTRAP: readonly string[] = ['harbor_redis', 'kato'] satisfies Component[];

/** A key with its place: what `kato config`, the reference and messages show of it. */
export interface KeyDescription {
  readonly component: Component;
  readonly key: string;
  /** `component.key` */
  readonly id: string;
  /** The environment variable that overrides it. */
  readonly env: string;
  readonly doc: string;
  readonly format: FormatName;
  readonly default: string | number | null;
  readonly derived?: string;
  readonly sensitive: boolean;
  /** The process that has to be restarted before a change counts; undefined where it counts at once. */
  readonly atStartOf?: string;
  /** Set in etc/harbor.yaml instead of Redis, and read at the start only. */
  readonly bootstrap: boolean;
}

/** Every key of every component, in the order of the reference. */
export function describeKeys(): KeyDescription[] {
  return Object.entries(SCHEMA).flatMap(([component, keys]) =>
    Object.entries(keys as Record<string, Key<string | number | null>>).map(
      ([name, { doc, format, default: value, derived, sensitive, atStartOf }]) => ({
        component: component as Component,
        key: name,
        id: `${component}.${name}`,
        env: `${component}_${name}`.toUpperCase(),
        doc,
        format,
        default: value,
        ...(derived === undefined ? {} : { derived }),
        sensitive: sensitive ?? false,
        ...(atStartOf === undefined ? {} : { atStartOf }),
        bootstrap: BOOTSTRAP.includes(component),
      }),
    ),
  );
}
