import {
  excessOf,
  HarborError,
  limitsOf,
  usageOf,
  type Commit,
  type Excess,
  type Holder,
  type Instance,
  type Quotas,
  type Usage,
} from '@harbor/core';
import type { SharedState } from '../state/shared-state.js';

/** How often somebody else may be faster before it is given up. */
const ATTEMPTS = 50;

/** What counts of an instance. */
type Counted = Pick<Instance, 'organization' | 'space' | 'parameters'>;

/**
 * Keeps organizations and spaces within their quotas. Instances are counted in this gateway's copy of the
 * state, which may be behind; so that two of the last place cannot both have it, each creation where a
 * limit holds also writes the organization's `quota` record and expects it at the revision that was
 * counted from. Of two at once, in one gateway or in two, the second finds it moved on, reads on and counts
 * again. Deletions do not touch it: one not yet seen can only refuse too much, for a moment. A quota counts
 * for what is created after every gateway has heard of it.
 */
export class QuotaKeeper {
  constructor(
    readonly state: SharedState,
    readonly quotas: () => Quotas,
  ) {}

  /**
   * Carries out the commit that creates an instance, within the quotas.
   * Errors: HARBOR_QUOTA_EXCEEDED; HARBOR_STATE_CONFLICT where others were faster again and again.
   */
  async create(wanted: Counted, commit: Commit) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = await this.state.commit(this.#within(wanted, commit));
      if (result.done || result.unmet.kind !== 'quota') return result;
      // An empty commit tells where the state is now, and waits until this gateway is there too.
      await this.state.commit({ expect: [], write: [] });
    }
    throw new HarborError('HARBOR_STATE_CONFLICT', `services of ${wanted.organization} keep being created`);
  }

  /** The quotas that are set for whoever has services or is named, with what is used of them. */
  list(): { readonly holder: Holder; readonly used: Usage; readonly limits: Partial<Usage> }[] {
    const quotas = this.quotas();
    const spaces = new Map<string, Set<string>>();
    const add = (organization: string, ...names: string[]): void => {
      const known = spaces.get(organization) ?? new Set();
      for (const name of names) known.add(name);
      spaces.set(organization, known);
    };
    for (const [organization, { spaces: named = {} }] of Object.entries(quotas.organizations ?? {}))
      add(organization, ...Object.keys(named));
    for (const { organization, space } of this.state.replica.all('instance')) add(organization, space);
    const holders = [...spaces]
      .sort()
      .flatMap(([organization, names]): Holder[] => [
        { organization },
        ...[...names].sort().map((space) => ({ organization, space })),
      ]);
    return holders
      .map((holder) => ({ holder, used: this.#used(holder), limits: limitsOf(quotas, holder) }))
      .filter(({ limits }) => Object.keys(limits).length > 0);
  }

  #within(wanted: Counted, commit: Commit): Commit {
    const { organization, space } = wanted;
    let limited = false;
    for (const holder of [{ organization, space }, { organization }]) {
      const limits = limitsOf(this.quotas(), holder);
      if (Object.keys(limits).length === 0) continue;
      limited = true;
      const excess = excessOf(holder, limits, this.#used(holder), portsIn(wanted));
      if (excess) throw exceeded(excess);
    }
    if (!limited) return commit;
    const revision = this.state.replica.revisionOf('quota', organization);
    const record = { kind: 'quota', id: organization } as const;
    const expected = revision === undefined ? ({ is: 'absent' } as const) : ({ is: 'at', revision } as const);
    return {
      expect: [...commit.expect, { ...record, ...expected }],
      write: [...commit.write, { ...record, value: { organization } }],
    };
  }

  #used({ organization, space }: Holder): Usage {
    const mine = [...this.state.replica.all('instance')].filter(
      (each) => each.organization === organization && (space === undefined || each.space === space),
    );
    return usageOf(mine.map((each) => ({ ports: portsIn(each) })));
  }
}

/** How many port numbers an instance has, or is about to have. */
function portsIn({ parameters }: Pick<Instance, 'parameters'>): number {
  return typeof parameters.ports === 'number' ? parameters.ports : 1;
}

function exceeded({ organization, space, what, used, asked, limit }: Excess): HarborError {
  const whose = space === undefined ? `organization ${organization}` : `space ${space} of ${organization}`;
  const more = asked === 1 ? 'one more' : `${asked} more`;
  const message = `${whose} has ${used} of ${limit} ${what}; ${more} would be over its quota`;
  return new HarborError('HARBOR_QUOTA_EXCEEDED', message, { details: { what, used, limit } });
}
