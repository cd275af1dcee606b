export { Store, type StoreOptions } from './store.js';
export type { Follower, FollowEvents } from './follow.js';
