export * from './live.js';
export * from './output.js';
export * from './reference/commands.js';
export * from './reference/man.js';
export * from './completion/command.js';
export type { SuggestionRules, Suggestions } from './completion/suggestions.js';
