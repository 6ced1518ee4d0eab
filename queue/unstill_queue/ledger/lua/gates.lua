-- The host's pauses and blocks: of all requests, of the engines, of a person or a chat; and how much they used today.
--
-- Keys: unstill:shut unstill:blocked unstill:counts:<day>
-- gate(account, place): 'ok' | 'closed' | 'blocked', 'tell' or 'told'
--   Says whether a request would be written down. 'tell': this is the first that the host's block keeps out, and it is
--   told so; those after it are not told again.

local SHUT, BLOCKED = 'unstill:shut', 'unstill:blocked'

local function shut_out(account, place)
  local found = redis.call('HMGET', BLOCKED, account, place)
  local name, since = account, found[1]
  if not since then name, since = place, found[2] end
  if since then
    if since:find(' told', 1, true) then return { 'blocked', 'told' } end
    redis.call('HSET', BLOCKED, name, since .. ' told')
    return { 'blocked', 'tell' }
  end
  if redis.call('HEXISTS', SHUT, 'intake') == 1 then return { 'closed' } end
end

local function engines_are_shut() return redis.call('HEXISTS', SHUT, 'engines') == 1 end

-- Jobs that were queued on a UTC day, by account and place; for the host to read.
local function count_queued(day, account, place)
  local key = 'unstill:counts:' .. day
  redis.call('HINCRBY', key, 'p|' .. account, 1)
  redis.call('HINCRBY', key, 'c|' .. place, 1)
  redis.call('PEXPIRE', key, (day + 2) * DAY - NOW)
end

function op.gate(account, place)
  return shut_out(account, place) or { 'ok' }
end
