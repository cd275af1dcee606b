import { allowedBy } from './formats.js';
import { describeKeys, SCHEMA } from './schema.js';

/** docs/reference/configuration.md, made from the schema. */
export function configurationReference(): string {
  const sections = Object.keys(SCHEMA).map((component) => {
    const rows = describeKeys()
      .filter((key) => key.component === component)
      .map((key) => {
        const value = key.derived ?? (key.default === null ? 'unset' : `\`${key.default}\``);
        const notes = [
          key.doc,
          key.sensitive ? 'Secret.' : '',
          key.atStartOf === undefined ? '' : 'Counts from the next start on.',
        ]
          .filter(Boolean)
          .join(' ');
        return `| \`${key.key}\` | \`${key.env}\` | ${value} | ${allowedBy(key.format)} | ${notes} |`;
      });
    const head = '| key | environment | default | allowed | meaning |\n|---|---|---|---|---|';
    return `## ${component}\n\n${head}\n${rows.join('\n')}\n`;
  });
  return `# Configuration reference

Made from the schema in \`packages/config/src/schema.ts\`; a test holds both together.

A value comes from the environment, else from \`kato config set\` (kept in Redis, seen live by every process),
else from \`etc/harbor.yaml\`, else it is the default. The keys of \`harbor_redis\` and \`kato\` must be known before
Redis is reached: \`kato config set\` writes them to \`etc/harbor.yaml\`, and they are read at the next start.

${sections.join('\n')}`;
}
