import type { Kind } from '@harbor/core';

// A map, so that a kind that is missing here is an error of the compiler.
const LISTED: Readonly<Record<Kind, true>> = {
  service: true,
  port: true,
  int_port: true,
  cooling: true,
  backend: true,
  instance: true,
  binding: true,
  name: true,
  quota: true,
  config: true,
  node: true,
  member: true,
  join: true,
};

/** Every kind of record, in the order in which the scripts get their keys. */
export const KINDS = Object.keys(LISTED) as readonly Kind[];

const PREFIX = 'harbor:';

/** The counter of commits, the name of this state's life, and the log of changes. */
export const REVISION_KEY = `${PREFIX}revision`;
export const EPOCH_KEY = `${PREFIX}epoch`;
export const CHANGES_KEY = `${PREFIX}changes`;

/** Each kind is a hash: id → `<revision> <JSON>`. */
export function kindKey(kind: Kind): string {
  return `${PREFIX}kind:${kind}`;
}

export const COMMIT_KEYS = [REVISION_KEY, EPOCH_KEY, CHANGES_KEY, ...KINDS.map(kindKey)];

/** How many changes a reader may lag behind before it has to read everything again. */
const CHANGES_KEPT = 20_000;

/**
 * One commit. ARGV: a new epoch's name, the number of expectations, for each kind index, id and
 * `absent`, `present` or a revision; then for each write kind index, kind, id, `put` or `del`, value.
 * Answers {1, revision} or {0, index of the first expectation unmet}.
 */
export const COMMIT = `
local arg = 1
local function take() local value = ARGV[arg]; arg = arg + 1; return value end
local epoch = take()
local expectations = tonumber(take())
for index = 0, expectations - 1 do
  local hash, id, want = KEYS[4 + tonumber(take())], take(), take()
  local found = redis.call('HGET', hash, id)
  local met
  if want == 'absent' then met = not found
  elseif want == 'present' then met = found
  else met = found and string.sub(found, 1, #want + 1) == want .. ' ' end
  if not met then return {0, index} end
end
if arg > #ARGV then return {1, tonumber(redis.call('GET', KEYS[1]) or '0')} end
redis.call('SET', KEYS[2], epoch, 'NX')
local revision = redis.call('INCR', KEYS[1])
local entry = 0
while arg <= #ARGV do
  local hash, kind, id, op, value = KEYS[4 + tonumber(take())], take(), take(), take(), take()
  if op == 'put' then
    redis.call('HSET', hash, id, revision .. ' ' .. value)
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ${CHANGES_KEPT}, revision .. '-' .. entry, 'kind', kind, 'id', id, 'value', value)
  else
    redis.call('HDEL', hash, id)
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ${CHANGES_KEPT}, revision .. '-' .. entry, 'kind', kind, 'id', id)
  end
  entry = entry + 1
end
return {1, revision}
`;

/**
 * Everything anew. ARGV: the revision it was decided at, a new epoch's name, for each record the index of
 * its kind, id and value. Answers {1, revision} or {0}. The revision goes up by two: the gap, like the
 * epoch, makes every reader read everything again instead of change by change.
 */
export const REPLACE = `
local now = tonumber(redis.call('GET', KEYS[1]) or '0')
if now ~= tonumber(ARGV[1]) then return {0} end
for index = 4, #KEYS do redis.call('DEL', KEYS[index]) end
local revision = redis.call('INCRBY', KEYS[1], 2)
redis.call('SET', KEYS[2], ARGV[2])
for arg = 3, #ARGV, 3 do
  redis.call('HSET', KEYS[4 + tonumber(ARGV[arg])], ARGV[arg + 1], revision .. ' ' .. ARGV[arg + 2])
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ${CHANGES_KEPT}, revision .. '-0', 'kind', 'replaced', 'id', ARGV[2])
return {1, revision}
`;

/** Everything of some kinds at one revision. KEYS: revision, epoch, hashes. */
export const SNAPSHOT = `
local reply = {tonumber(redis.call('GET', KEYS[1]) or '0'), redis.call('GET', KEYS[2]) or ''}
for index = 3, #KEYS do reply[index] = redis.call('HGETALL', KEYS[index]) end
return reply
`;
