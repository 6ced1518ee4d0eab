-- Records that nobody can act on: out of everybody's way, and what they held counted anew.
--
-- Keys: unstill:job:<id> unstill:unreadable unstill:due unstill:running:<lane> unstill:parked:<lane> unstill:turn:<lane>...
--   unstill:work:<lane> unstill:jobs
-- recount(): 'ok'
--   Counts quotas in use and work that waits anew: another version of this program may have counted otherwise.
-- set_aside(id, wrong): 'ok' | 'final'
--   Sets aside what a program cannot decode.
-- unreadable(): id, what is wrong or '', and so on
-- drop_unreadable(): ids, which are deleted for good

-- `bad` gathers ids and what is wrong, for the log. Where the record stood is seen to once, at the script's end.
local aside = {}
function set_aside(id, wrong, bad)
  bad[#bad + 1], bad[#bad + 2] = id, wrong
  aside[#aside + 1] = id
  if redis.call('ZADD', UNREADABLE, num(NOW), id) == 1 then count('records_set_aside') end
  redis.call('ZREMRANGEBYSCORE', UNREADABLE, '-inf', num(NOW - TIMES.unreadable_kept))
  redis.call('ZREMRANGEBYRANK', UNREADABLE, 0, -1 - UNREADABLE_MOST)
  redis.call('ZREM', DUE, id)
  redis.call('PEXPIRE', JOB .. id, TIMES.unreadable_kept)
end

local function drop(id)
  if redis.call('TYPE', JOB .. id).ok == 'hash' then throw_files(id) end
  redis.call('DEL', JOB .. id)
  redis.call('ZREM', UNREADABLE, id)
end

local function add(counts, name, field, amount)
  counts[name] = counts[name] or {}
  counts[name][field] = (counts[name][field] or 0) + amount
end

-- A damaged record may not say in which line it stood and whose quota it held. So it is taken out of every line, and
-- what is left is counted anew from the records that are sound; only the day's seconds stay spent.
local function tidy()
  for _, of in ipairs(aside[1] and { 'unstill:running:*', 'unstill:parked:*' } or {}) do
    for _, key in ipairs(redis.call('KEYS', of)) do redis.call('ZREM', key, unpack(aside)) end
  end
  local counts = { ['unstill:jobs'] = {} }
  for _, key in ipairs(redis.call('KEYS', 'unstill:turn:*')) do
    if not string.find(key, '|', 1, true) then
      local lane = string.sub(key, 14)
      counts['unstill:work:' .. lane] = {}
      for _, place in ipairs(redis.call('ZRANGE', key, 0, -1)) do
        for _, account in ipairs(redis.call('ZRANGE', key .. '|' .. place, 0, -1)) do
          for _, id in ipairs(aside) do leave_line(keys_of(lane, place, account, 0), id) end
        end
      end
    end
  end
  for _, id in ipairs(redis.call('ZRANGE', DUE, 0, -1)) do
    local state = not fault(id) and get(id, 'state')
    if state == 'queued' or state == 'running' then
      local k = turn_keys(id)
      add(counts, 'unstill:jobs', 'p|' .. k.account, 1)
      add(counts, 'unstill:jobs', 'c|' .. k.place, 1)
      if redis.call('ZSCORE', k.line, id) then
        for _, field in ipairs({ 'c|' .. k.place, 'p|' .. k.place .. '|' .. k.account }) do
          add(counts, k.work, 'n' .. field, 1)
          add(counts, k.work, field, k.cost)
        end
      end
    end
  end
  for name, fields in pairs(counts) do
    redis.call('DEL', name)
    for field, amount in pairs(fields) do redis.call('HSET', name, field, num(amount)) end
  end
end

function op.recount()
  tidy()
  return { 'ok' }
end

function op.set_aside(id, wrong)
  local known = fault(id)
  if not known and FINAL[get(id, 'state')] then return { 'final' } end
  set_aside(id, known or wrong, {})
  return { 'ok' }
end

function op.unreadable()
  local found = {}
  for _, id in ipairs(redis.call('ZRANGE', UNREADABLE, 0, -1)) do
    found[#found + 1], found[#found + 2] = id, fault(id) or ''
  end
  return found
end

function op.drop_unreadable()
  local ids = redis.call('ZRANGE', UNREADABLE, 0, -1)
  for _, id in ipairs(ids) do drop(id) end
  return ids
end
