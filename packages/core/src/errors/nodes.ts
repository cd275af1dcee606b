import type { ErrorEntry } from './entry.js';

/** What can go wrong where a cluster has several nodes. */
export const NODE_ERRORS = {
  HARBOR_NODE_NOT_FOUND: {
    status: 404,
    summary: 'No node of the cluster has this id.',
    remedy: 'List them, on the core, with: kato node list',
  },
  HARBOR_NODE_EXISTS: {
    status: 409,
    summary:
      'The id of a node that is to be attached is taken; nothing was changed, the token is still good.',
    remedy:
      'Attach it under the id proposed; or, where a dead node has the id, on the core: kato node remove NODE',
  },
  HARBOR_NODE_IN_USE: {
    status: 409,
    summary: 'A node that is to go has services, or is up; nothing was changed.',
    remedy: 'Move its services with: kato node migrate OLD NEW, or take --force.',
  },
  HARBOR_NODE_ATTACHED: {
    status: 409,
    summary: 'This home is attached to a core and cannot do what was asked.',
    remedy: 'Do it on the core, or detach this node first: kato node detach',
  },
  HARBOR_NODE_NOT_ATTACHED: {
    status: 409,
    summary: 'This home is not attached to a core.',
    remedy: 'Attach it with: kato node attach -e harbor CORE_IP',
  },
  HARBOR_ROLE_REMOVED: {
    status: 409,
    summary: 'The process belongs to a role that this machine has not; nothing was started.',
    remedy: 'See the roles with: kato role info; the role harbor comes back with: kato role add harbor',
  },
  HARBOR_JOIN_TOKEN_INVALID: {
    status: 401,
    summary: 'The token of kato node attach is wrong, has expired or was used before; nothing was changed.',
    remedy: 'Make another one on the core: kato node list --join',
  },
  HARBOR_CORE_UNTRUSTED: {
    status: 403,
    summary: 'Who answers is not the core that made the token; nothing was sent to it and nothing changed.',
    remedy: 'Check the address; if the core was made anew, take a new token: kato node list --join',
  },
  HARBOR_CORE_UNAVAILABLE: {
    status: 503,
    summary: 'The core does not answer where other nodes reach it.',
    remedy: 'Check the address, its firewall and kato join_port; kato node list --join on the core opens it.',
  },
} as const satisfies Record<string, ErrorEntry>;
