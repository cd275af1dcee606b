import type { ErrorEntry } from './entry.js';
import { HTTPS_ERRORS } from './https.js';
import { NODE_ERRORS } from './nodes.js';

export type { ErrorEntry } from './entry.js';

/** Every error Harbor can report, by its stable code. A code, once released, keeps its meaning. */
export const CATALOGUE = {
  HARBOR_INTERNAL: {
    status: 500,
    summary: 'Something failed that Harbor did not foresee.',
    remedy: 'Read the log of the process named; please report it.',
  },
  HARBOR_USAGE: {
    status: 400,
    summary: 'A command was called with words it does not know or without some it needs.',
    remedy: 'Call it again as its --help shows.',
  },
  HARBOR_CONFIG_INVALID: {
    status: 400,
    summary: 'One or more configuration values are not allowed; nothing was started or changed.',
    remedy: 'Correct every key listed; each line says what is allowed.',
  },
  HARBOR_CONFIG_UNKNOWN: {
    status: 404,
    summary: 'No such component or configuration key.',
    remedy: 'List them with: kato config get',
  },
  HARBOR_HOME_UNUSABLE: {
    status: 500,
    summary: 'The home of Harbor cannot be read or written by this user.',
    remedy:
      'Become the user that Harbor runs as, give this one the folder named, or set HARBOR_HOME to another.',
  },
  HARBOR_PORT_RANGE_FULL: {
    status: 507,
    summary: 'No port of the range is free; nothing was provisioned.',
    remedy:
      'Widen it with: kato config set harbor_node port_range LOW-HIGH, or delete services no longer used.',
  },
  HARBOR_PORT_TAKEN: {
    status: 409,
    summary: 'The port asked for belongs to another service or is held by another process.',
    remedy: 'Ask for another port, or leave the parameter out to get a free one.',
  },
  HARBOR_PORT_COOLING: {
    status: 409,
    summary: 'The port asked for was given back a moment ago and is kept for a service of the same name.',
    remedy:
      'Wait as long as the message says, or ask for another port; kato config set harbor_node cooldown 0 ends it.',
  },
  HARBOR_PORT_OUT_OF_RANGE: {
    status: 400,
    summary: 'The port asked for lies outside the configured range.',
    remedy: 'Choose one inside: kato config get harbor_node port_range',
  },
  HARBOR_QUOTA_EXCEEDED: {
    status: 422,
    summary: 'The organization or the space has as many services or ports as it may have.',
    remedy:
      'Delete services no longer used; an administrator raises it: kato config set harbor_gateway quotas JSON',
  },
  HARBOR_PORT_CONFLICT: {
    status: 503,
    summary: 'A provisioned port is held by a process that is not Harbor, so it cannot be served.',
    remedy:
      'Stop the holder named, then restart an instance of the application; Harbor also retries by itself.',
  },
  HARBOR_PARAMETERS_INVALID: {
    status: 400,
    summary: 'The parameters of a request are not allowed.',
    remedy: 'Correct the fields named.',
  },
  HARBOR_REQUEST_INVALID: {
    status: 400,
    summary: 'A request is malformed or lacks a required field.',
    remedy: 'Correct the fields named.',
  },
  HARBOR_MEDIA_TYPE_INVALID: {
    status: 400,
    summary: 'A request to the v1 gateway is not of the media type application/json.',
    remedy: 'Send Content-Type: application/json with every request, those without a body too.',
  },
  HARBOR_PLAN_ID_UNKNOWN: {
    status: 400,
    summary: 'Neither the unique_id nor the plan of a v1 request is known.',
    remedy: 'Send the id of a plan of /v2/catalog, or the name of one.',
  },
  HARBOR_PLAN_UNKNOWN: {
    status: 400,
    summary: 'No harbor_node serves the plan asked for.',
    remedy: 'Ask for a plan that one of the nodes in /varz announces.',
  },
  HARBOR_VERSION_UNSUPPORTED: {
    status: 400,
    summary: 'No harbor_node serves the version of the service asked for.',
    remedy: 'Ask for version 1.0, or for none.',
  },
  HARBOR_HANDLES_UNKNOWN: {
    status: 503,
    summary: 'The v1 gateway has not heard yet from the cloud controller which services it knows.',
    remedy: 'It asks each second; check harbor_gateway cloud_controller_uri and harbor_gateway.log.',
  },
  HARBOR_CLOUD_CONTROLLER_UNAVAILABLE: {
    status: 503,
    summary: 'The cloud controller does not answer as it should.',
    remedy: 'Check harbor_gateway cloud_controller_uri and token; it is tried again by itself.',
  },
  HARBOR_BODY_TOO_LARGE: {
    status: 413,
    summary: 'A request body is over the limit.',
    remedy: 'Send less.',
  },
  HARBOR_UNAUTHORIZED: {
    status: 401,
    summary: 'Missing or wrong credentials.',
    remedy: 'Show them with: kato info --secrets',
  },
  HARBOR_BROKER_VERSION: {
    status: 412,
    summary: 'The header X-Broker-API-Version is missing or names a major version that is not served.',
    remedy: 'Send X-Broker-API-Version: 2.17 (every 2.x is served).',
  },
  HARBOR_NOT_FOUND: {
    status: 404,
    summary: 'There is nothing at this address.',
    remedy: 'Check the path; the OpenAPI description lists every one.',
  },
  HARBOR_NOT_IMPLEMENTED: {
    status: 501,
    summary: 'The operation belongs to the interface, but this version of Harbor does not carry it out.',
    remedy: 'The message says where it would have to be newer, or names another way.',
  },
  HARBOR_SERVICE_NOT_FOUND: {
    status: 404,
    summary: 'No service has this name or id.',
    remedy: 'List them with: harbor services',
  },
  HARBOR_SERVICE_GONE: {
    status: 410,
    summary: 'The service instance or binding to be deleted does not exist.',
    remedy: 'Nothing is left to do.',
  },
  HARBOR_SERVICE_EXISTS: {
    status: 409,
    summary: 'A service or binding with this id or name exists and differs from the one asked for.',
    remedy: 'Choose another name, or delete the other one first.',
  },
  HARBOR_SERVICE_BUSY: {
    status: 422,
    summary: 'Another operation on the same service is under way.',
    remedy: 'Try again when it has ended.',
  },
  HARBOR_MAINTENANCE_INFO: {
    status: 422,
    summary: 'The maintenance_info of a request is not that of the catalog, which has none.',
    remedy: 'Fetch the catalog anew, or leave maintenance_info out.',
  },
  HARBOR_SERVICE_BOUND: {
    status: 409,
    summary: 'The service is still bound to applications.',
    remedy: 'Unbind them first, or delete with -f.',
  },
  HARBOR_NODE_UNAVAILABLE: {
    status: 503,
    summary: 'No harbor_node answers, or none has a free port.',
    remedy: 'Check kato status; start it with: kato start harbor',
  },
  HARBOR_NODE_TIMEOUT: {
    status: 504,
    summary: 'harbor_node did not answer in time; what it did is rolled back.',
    remedy: 'Try again; check harbor_node.log.',
  },
  ...NODE_ERRORS,
  ...HTTPS_ERRORS,
  HARBOR_CONNECTOR_UNAVAILABLE: {
    status: 503,
    summary: 'harbor_proxy_connector does not answer, so no port can be confirmed.',
    remedy: 'Check kato status and harbor_proxy_connector.log.',
  },
  HARBOR_REDIS_UNAVAILABLE: {
    status: 503,
    summary: 'Redis does not answer; nothing was changed.',
    remedy: 'Check kato status and harbor_redis.log; it is tried again by itself.',
  },
  HARBOR_NATS_UNAVAILABLE: {
    status: 503,
    summary: 'NATS does not answer; nothing was changed.',
    remedy: 'Check kato status and nats_server.log; it is tried again by itself.',
  },
  HARBOR_GATEWAY_UNAVAILABLE: {
    status: 503,
    summary: 'harbor_gateway does not answer.',
    remedy:
      'Check kato status; start it with: kato start; where it runs and hangs: kato process restart harbor_gateway',
  },
  HARBOR_STATE_CONFLICT: {
    status: 409,
    summary: 'The state changed between reading and writing, and kept changing on every retry.',
    remedy: 'Try again.',
  },
  HARBOR_STATE_CORRUPT: {
    status: 500,
    summary: 'A record in Redis is not of the form Harbor writes.',
    remedy: 'The key and the reason are in the message; restore it from a backup or remove it.',
  },
  HARBOR_DATA_INVALID: {
    status: 400,
    summary:
      'A file for kato data import is damaged, contradicts itself, or is of a newer Harbor; nothing was changed.',
    remedy: 'The message says what is wrong where; export it anew, or update this Harbor.',
  },
  HARBOR_DATA_EXISTS: {
    status: 409,
    summary: 'There is data already that kato data import would replace; nothing was changed.',
    remedy: 'Export what is there first (kato data export FILE), then replace it all with --force.',
  },
  HARBOR_MESSAGE_INVALID: {
    status: 400,
    summary: 'A NATS message is malformed; it was ignored.',
    remedy: 'The log names the subject, the reason and the first 200 bytes.',
  },
  HARBOR_MESSAGE_REFUSED: {
    status: 400,
    summary: 'A NATS message is well formed but asks for what is not allowed; it was ignored.',
    remedy:
      'The log names the reason: an unknown service, or an address that is a listener of Harbor itself.',
  },
  HARBOR_ADDRESS_IN_USE: {
    status: 503,
    summary: 'A port that one of the processes needs is held by another process.',
    remedy: 'Stop the holder named, or change the configuration key named.',
  },
  HARBOR_DATA_PLANE_UNAVAILABLE: {
    status: 503,
    summary: 'The data plane asked for, or needed for preserve_client_ip, cannot work on this machine.',
    remedy:
      'Mend what is named, or set harbor_proxy_connector data_plane to auto; or leave preserve_client_ip out.',
  },
  HARBOR_PROCESS_UNKNOWN: {
    status: 404,
    summary: 'No process or role has this name.',
    remedy: 'List them with: kato process list',
  },
  HARBOR_PROCESS_FATAL: {
    status: 503,
    summary: 'A process keeps crashing and is no longer restarted.',
    remedy: 'Read the end of its log, mend the cause, then: kato process start PROCESS',
  },
  HARBOR_DRAIN_NOT_FOUND: {
    status: 404,
    summary: 'No log drain has this name.',
    remedy: 'List them with: kato log drain list',
  },
  HARBOR_NOT_RUNNING: {
    status: 503,
    summary: 'Harbor is not running in this home.',
    remedy: 'Start it with: kato start',
  },
  HARBOR_SUPERVISOR_UNAVAILABLE: {
    status: 503,
    summary: 'The supervisor of this home runs and does not answer.',
    remedy:
      'Its pid is in var/run/kato.pid: let it go on (kill -CONT), or end it (kill -KILL); another one then takes its place.',
  },
  HARBOR_ALREADY_RUNNING: {
    status: 409,
    summary: 'The process, or all of Harbor, already runs in this home.',
    remedy: 'Use the one that runs, stop it first (kato stop), or give this one a HARBOR_HOME of its own.',
  },
  HARBOR_TOOL_MISSING: {
    status: 503,
    summary: 'A program that Harbor needs is not installed.',
    remedy: 'Install the package named.',
  },
  HARBOR_MANIFEST_INVALID: {
    status: 400,
    summary: 'A stackato.yml or manifest.yml cannot be read or used; nothing was started.',
    remedy: 'Mend the lines named; docs/manifests.md shows every key. harbor run --no-manifest does without.',
  },
  HARBOR_ISOLATION_UNAVAILABLE: {
    status: 503,
    summary: 'An instance cannot get a network of its own, as harbor run --isolate asks, on this machine.',
    remedy: 'Mend what is named, or leave --isolate out: then each instance gets a port of its own.',
  },
  HARBOR_APP_FAILED: {
    status: 500,
    summary: 'An application run by harbor run could not be started.',
    remedy: 'Run the command by hand; its own output says more.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** A stable error code. */
export type ErrorCode = keyof typeof CATALOGUE;
