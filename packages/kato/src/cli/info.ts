import { gatewayUrl, natsUrl, redisUrl, withoutLogin } from '@harbor/config';
import { HarborError } from '@harbor/core';
import { type Place, liveSettings, version } from '@harbor/runtime';
import { note, say, sayJson, table } from '@harbor/terminal';

/** `kato info`: where everything is; with `--secrets` also how to get in. Errors: HARBOR_NOT_RUNNING where there are none. */
export async function info(
  place: Place,
  options: { readonly json?: boolean; readonly secrets?: boolean },
): Promise<void> {
  if (place.isNew && options.secrets) throw new HarborError('HARBOR_NOT_RUNNING', 'no secrets are made yet');
  const { settings } = await liveSettings(place, place.isNew ? undefined : note);
  const { username, password, token } = settings.harbor_gateway;
  const redis = redisUrl(settings, place.secrets);
  const secrets = options.secrets ?? false;
  const found = {
    version: version(),
    node_id: settings.harbor_node.node_id,
    home: place.home.dir,
    nats_url: natsUrl(settings, place.secrets, secrets),
    redis_url: secrets ? redis : withoutLogin(redis),
    gateway_url: gatewayUrl(settings),
    ...(secrets ? { username, password, token } : {}),
  };
  if (options.json) sayJson(found);
  else say(table(Object.entries(found).map(([name, value]) => [name, value])));
}
