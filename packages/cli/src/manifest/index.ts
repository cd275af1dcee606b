export { loadManifest, type LoadedManifest } from './load.js';
export type { Manifest, ManifestApplication, ManifestProblem, WantedService } from './manifest.js';
export { parseManifest } from './parse.js';
