import { checkService, isServable } from '@harbor/certificates';
import { systemClock } from '@harbor/machine';
import { paint, say, sayJson } from '@harbor/terminal';

export interface CheckFlags {
  readonly service: string;
  readonly root: string;
  readonly json?: boolean;
}

/** Says what a service's HTTPS proxy would serve, and every fault. Errors: HARBOR_CERTIFICATE_MISSING. */
export function checkCertificates({ service, root, json }: CheckFlags, env: NodeJS.ProcessEnv): void {
  const checked = checkService({ service, root, env, clock: systemClock });
  const servable = checked.every(isServable);
  if (json)
    sayJson({
      service,
      servable,
      pairs: checked.map(({ files: { crt, key }, faults, chain: [leaf] }) => ({
        crt,
        key,
        names: leaf?.names ?? [],
        until: leaf?.until.toISOString() ?? null,
        faults,
      })),
    });
  else
    for (const { files, faults, chain } of checked) {
      const until = chain[0]?.until.toISOString().slice(0, 10) ?? '';
      if (faults.length === 0)
        say(`${files.crt}: good for ${chain[0]?.names.join(', ') ?? ''} until ${until}`);
      for (const { level, message } of faults)
        say(`${paint(level === 'error' ? 'red' : 'yellow', level)}: ${message}`);
    }
  if (!servable) process.exitCode = 1;
}
