import { Bus, type BusEvents } from '@harbor/bus';
import {
  ensureHome,
  ensureSecrets,
  loadSettings,
  natsAccess,
  openHome,
  redisUrl,
  type Home,
  type Overlay,
  type Secrets,
  type Settings,
} from '@harbor/config';
import { firstExternalIPv4 } from '@harbor/machine';
import { Store } from '@harbor/store';
import { randomBytes } from 'node:crypto';

/** Where a process or a command stands: its home, its secrets, and how settings are read there. */
export interface Place {
  readonly home: Home;
  readonly secrets: Secrets;
  /** Errors: HARBOR_CONFIG_INVALID, with all problems at once. */
  readonly load: (overlay: Overlay) => Settings;
}

/** Opens the home the environment names, and makes what is missing in it. */
export function openPlace(env: NodeJS.ProcessEnv): Place {
  const home = openHome(env);
  ensureHome(home);
  const secrets = ensureSecrets(home, randomBytes);
  const defaults = { host: firstExternalIPv4() ?? '127.0.0.1' };
  return { home, secrets, load: (overlay) => loadSettings({ env, home, overlay, secrets, defaults }) };
}

/** The store the settings name. */
export function openStore(place: Place, settings: Settings, onError: (error: Error) => void): Store {
  return new Store({ url: redisUrl(settings, place.secrets), onError });
}

/** The bus the settings name. Errors: HARBOR_NATS_UNAVAILABLE, unless it waits. */
export function openBus(
  place: Place,
  settings: Settings,
  options: { readonly name: string; readonly waitForServer: boolean; readonly events: BusEvents },
): Promise<Bus> {
  return Bus.open({ ...natsAccess(settings, place.secrets), ...options });
}
