-- How a request comes in, and how it is withdrawn.
--
-- Keys: unstill:job:<id> unstill:due unstill:gone:<name> unstill:mine:<person> unstill:platforms unstill:unreadable
--   unstill:cancel (a channel)
-- accept(id, platform, person, place, account, gone, request, per_minute): 'accepted', 'accepted' | 'seen', state
--   or 'gone' | 'fast', ms until there is room | as gate
--   Writes a request down. `place`, `account` and `gone` are names that tell nobody: what is kept under them outlasts
--   a person's forgetting.
-- notify(id, platform, person, place, account, gone, request, outcome): 'ok' | 'seen', state or 'gone'
--   Tells somebody something that they did not ask for, once for each id: a request that is answered already. The host is
--   told whatever is shut.
-- queue(id, lane, cost, job, person_jobs, chat_jobs, person_seconds, chat_seconds, needs): 'queued', 'queued' | 'already',
--   state or 'none' | as afford
--   `needs`: words of what only newer engines can do, a space between two, or ''.
-- picture(id, key...): 'ok', keys to store the pictures under, a space between two, of an earlier call as far as there
--   was one | 'no'
--   'no': it has ended or is being forgotten, and nothing of it may be stored.
-- refuse(id, outcome): 'ok' | 'already', state or 'none'
-- cancel(id, outcome): 'cancelled' | 'cancelling' | 'late', state or 'none'

local function write_down(id, platform, person, place, account, gone, request)
  -- first what a server without memory refuses: after another write it refuses a script nothing any more
  set(id, 'state', 'accepted', 'platform', platform, 'person', person, 'place', place, 'account', account,
    'gone', gone, 'request', request, 'accepted_at', num(NOW), 'accepted_seen', num(watched()), 'intakes', 0)
  redis.call('ZREM', UNREADABLE, id)
  due(id, NOW + TIMES.intake)
  redis.call('SADD', 'unstill:platforms', platform)
  local mine = 'unstill:mine:' .. person
  redis.call('ZADD', mine, num(NOW), id)
  -- the list holds all that there is of a person, and loses what has expired
  for _, old in ipairs(redis.call('ZRANGE', mine, 0, 1)) do
    if redis.call('EXISTS', JOB .. old) == 0 then redis.call('ZREM', mine, old) end
  end
  redis.call('PEXPIRE', mine, TIMES.listed)
end

function op.accept(id, platform, person, place, account, gone, request, per_minute)
  local wrong = fault(id)
  if wrong and wrong ~= GONE and redis.call('TYPE', JOB .. id).ok ~= 'hash' then redis.call('DEL', JOB .. id) end
  local state = get(id, 'state')
  if redis.call('EXISTS', 'unstill:gone:' .. gone) == 1 then return { 'seen', 'gone' } end
  if state then return { 'seen', state } end
  local shut = shut_out(account, place)
  if shut then return shut end
  local fast = too_fast(account, tonumber(per_minute))
  if fast then return refused_by_pace(fast) end
  write_down(id, platform, person, place, account, gone, request)
  count('requests', platform)
  return { 'accepted', 'accepted' }
end

function op.notify(id, platform, person, place, account, gone, request, outcome)
  local before = redis.call('EXISTS', 'unstill:gone:' .. gone) == 1 and 'gone' or get(id, 'state')
  if before then return { 'seen', before } end
  write_down(id, platform, person, place, account, gone, request)
  set(id, 'notice', 1)
  answer(id, 'failed', outcome)
  return { 'ok' }
end

function op.queue(id, lane, cost, job, person_jobs, chat_jobs, person_seconds, chat_seconds, needs)
  local state = get(id, 'state')
  if state ~= 'accepted' then return { 'already', state or 'none' } end
  local limits = { tonumber(person_jobs), tonumber(chat_jobs), tonumber(person_seconds), tonumber(chat_seconds) }
  local over = over_quota(account_of(id), get(id, 'place'), tonumber(cost), limits, 1)
  if over then return refused_by_quota(over) end
  set(id, 'state', 'queued', 'lane', lane, 'cost', cost, 'job', job, 'day', math.floor(NOW / DAY), 'attempt', 1,
    'wakes', 0, 'queued_at', num(NOW), 'wait_until', num(NOW + TIMES.wait),
    'queued_seen', num(watched()), 'wait', num(TIMES.wait))
  reserve(id)
  line_up(id)
  due(id, NOW + TIMES.wake)
  count('jobs_queued', get(id, 'platform'), lane)
  if needs and needs ~= '' then set(id, 'needs', needs) end
  return { 'queued', 'queued' }
end

function op.picture(id, ...)
  if get(id, 'state') ~= 'accepted' or get(id, 'forgotten') then return { 'no' } end
  local given, keys = { ... }, {}
  for key in string.gmatch(get(id, 'picture') or '', '%S+') do keys[#keys + 1] = key end
  for i = #keys + 1, #given do keys[i] = given[i] end
  set(id, 'picture', table.concat(keys, ' '))
  return { 'ok', table.concat(keys, ' ') }
end

function op.refuse(id, outcome)
  local state = get(id, 'state')
  if state ~= 'accepted' then return { 'already', state or 'none' } end
  set(id, 'refused', 1)
  answer(id, 'failed', outcome)
  return { 'ok' }
end

function op.cancel(id, outcome)
  local state = get(id, 'state')
  if state == 'queued' then step_out(id) end
  if state == 'queued' or state == 'accepted' then
    answer(id, 'cancelled', outcome)
    return { 'cancelled' }
  end
  if state == 'running' then
    set(id, 'cancel', outcome)
    redis.call('HDEL', JOB .. id, 'look')
    redis.call('PUBLISH', 'unstill:cancel', id)
    return { 'cancelling' }
  end
  return { 'late', state or 'none' }
end
