import fc from 'fast-check';
import t from 'tap';
import { excessOf, limitsOf, usageOf, type Quotas } from '../src/index.js';

const QUOTAS: Quotas = {
  default: { organization: { services: 100 }, space: { services: 10, ports: 20 } },
  organizations: {
    acme: { services: 500, spaces: { dev: { ports: 5 }, live: { ports: null, services: 0 } } },
  },
};

t.test('quotas - what is named goes before the default, limit by limit, and null lifts one', (t) => {
  const of = (organization: string, space?: string) =>
    limitsOf(QUOTAS, { organization, ...(space === undefined ? {} : { space }) });
  t.strictSame(of('other'), { services: 100 });
  t.strictSame(of('acme'), { services: 500 });
  t.strictSame(of('other', 'dev'), { services: 10, ports: 20 });
  t.strictSame(of('acme', 'dev'), { services: 10, ports: 5 });
  t.strictSame(of('acme', 'live'), { services: 0 });
  t.strictSame(limitsOf({}, { organization: 'constructor', space: '__proto__' }), {});
  t.strictSame(limitsOf({ organizations: {} }, { organization: 'constructor' }), {});
  t.end();
});

t.test(
  'quotas - services that come while they may never go beyond a limit, and stop nowhere before it',
  (t) => {
    const limit = fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined });
    fc.assert(
      fc.property(limit, limit, fc.array(fc.integer({ min: 1, max: 8 })), (services, ports, asked) => {
        const limits = {
          ...(services === undefined ? {} : { services }),
          ...(ports === undefined ? {} : { ports }),
        };
        const made: { ports: number }[] = [];
        for (const size of asked) {
          const used = usageOf(made);
          const excess = excessOf({ organization: 'o' }, limits, used, size);
          const fits =
            used.services + 1 <= (services ?? Infinity) && used.ports + size <= (ports ?? Infinity);
          if (fits !== (excess === undefined)) return false;
          if (!excess) made.push({ ports: size });
        }
        return made.length <= (services ?? Infinity) && usageOf(made).ports <= (ports ?? Infinity);
      }),
    );
    t.end();
  },
);
