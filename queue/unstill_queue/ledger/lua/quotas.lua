-- Quotas: jobs queued or running, seconds by UTC day, and requests a minute.
--
-- Keys: unstill:job:<id> unstill:jobs unstill:seconds:<day> unstill:rate unstill:pace:<account>
-- pace(account, place, per_minute): 'ok' | 'fast', ms until there is room | as gate
--   Counts one more request that is not written down by itself.
-- afford(account, place, cost, person_jobs, chat_jobs, person_seconds, chat_seconds, jobs): 'ok' | 'quota', 'jobs' or
--   'seconds', 'person' or 'chat', limit, used
--   Says whether so many jobs, of that cost in estimated seconds together, would be queued now; nothing is reserved.

local function over_quota(account, place, cost, limits, jobs)
  local seconds = 'unstill:seconds:' .. math.floor(NOW / DAY)
  local checks = {
    { 'jobs', 'person', 'unstill:jobs', 'p|' .. account, jobs, limits[1] },
    { 'jobs', 'chat', 'unstill:jobs', 'c|' .. place, jobs, limits[2] },
    { 'seconds', 'person', seconds, 'p|' .. account, cost, limits[3] },
    { 'seconds', 'chat', seconds, 'c|' .. place, cost, limits[4] },
  }
  for _, c in ipairs(checks) do
    local used = tonumber(redis.call('HGET', c[3], c[4]) or '0')
    if c[6] > 0 and used + c[5] > c[6] then return { 'quota', c[1], c[2], num(c[6]), num(used) } end
  end
end

local function refused_by_quota(over)
  count('quota_refusals', over[2], over[3])
  return over
end

local function refused_by_pace(wait)
  count('quota_refusals', 'requests', 'person')
  return { 'fast', wait }
end

local function charge(key, field, amount)
  -- what is left of float arithmetic is not worth a field
  if tonumber(redis.call('HINCRBYFLOAT', key, field, num(amount))) < 1e-6 then redis.call('HDEL', key, field) end
end

local function count_jobs(id, by)
  charge('unstill:jobs', 'p|' .. account_of(id), by)
  charge('unstill:jobs', 'c|' .. get(id, 'place'), by)
end

local function reserve(id)
  local r = redis.call('HMGET', JOB .. id, 'place', 'cost', 'day')
  count_jobs(id, 1)
  local key = 'unstill:seconds:' .. r[3]
  charge(key, 'p|' .. account_of(id), tonumber(r[2]))
  charge(key, 'c|' .. r[1], tonumber(r[2]))
  count_queued(tonumber(r[3]), account_of(id), r[1])
  -- what waited for a day may still end and give back
  redis.call('PEXPIRE', key, (tonumber(r[3]) + 2) * DAY - NOW)
end

-- What was rendered so far, over all tries, in estimated seconds and at most what was reserved. An engine that died
-- is charged until its lease was over, and not until somebody looked.
local function rendered(id)
  local r = redis.call('HMGET', JOB .. id, 'state', 'lane', 'cost', 'started_at', 'lease', 'rendered')
  local before = tonumber(r[6] or '0')
  if r[1] ~= 'running' then return before end
  local wall = (math.min(NOW, tonumber(r[5])) - tonumber(r[4])) / 1000
  if wall <= 0 then return before end
  local rate = tonumber(redis.call('HGET', 'unstill:rate', r[2]) or '1')
  return math.min(tonumber(r[3]), before + wall / rate)
end

-- A clip costs what was reserved, a cancelled job what was rendered of it, a failure nothing.
local function give_back(id, result)
  local r = redis.call('HMGET', JOB .. id, 'place', 'cost', 'day')
  if not r[3] then return end
  count_jobs(id, -1)
  local key, cost = 'unstill:seconds:' .. r[3], tonumber(r[2])
  local back = result == 'failed' and cost or result == 'cancelled' and cost - rendered(id) or 0
  if back ~= 0 and redis.call('EXISTS', key) == 1 then
    charge(key, 'p|' .. account_of(id), -back)
    charge(key, 'c|' .. r[1], -back)
  end
end

-- A leaky bucket (ITU-T I.371's GCRA) that holds a minute's requests. Nil, or ms until there is room for one more.
local function too_fast(account, per_minute)
  if per_minute <= 0 then return nil end
  local key = 'unstill:pace:' .. account
  local used = math.max(0, tonumber(redis.call('GET', key) or '0') - NOW)
  -- more than a minute is a clock that was set back
  local ahead = (used > MINUTE + 1 and 0 or used) + MINUTE / per_minute
  if ahead > MINUTE + 1 then return num(ahead - MINUTE) end
  redis.call('SET', key, num(NOW + ahead), 'PX', math.ceil(ahead))
end

function op.pace(account, place, per_minute)
  local shut = shut_out(account, place)
  if shut then return shut end
  local wait = too_fast(account, tonumber(per_minute))
  return wait and refused_by_pace(wait) or { 'ok' }
end

function op.afford(account, place, cost, person_jobs, chat_jobs, person_seconds, chat_seconds, jobs)
  local limits = { tonumber(person_jobs), tonumber(chat_jobs), tonumber(person_seconds), tonumber(chat_seconds) }
  local over = over_quota(account, place, tonumber(cost), limits, tonumber(jobs))
  return over and refused_by_quota(over) or { 'ok' }
end
