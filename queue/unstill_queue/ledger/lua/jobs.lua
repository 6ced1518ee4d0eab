-- Where a job goes next: what several transitions do alike.
--
-- Keys: unstill:job:<id> unstill:due unstill:running:<lane> unstill:claim:<owner> unstill:mine:<person>
--   unstill:gone:<name> unstill:rewrite

-- Of a job that its person had forgotten, nothing stays that is not needed for what is still to happen.
local function strip(id, fields)
  if get(id, 'forgotten') then redis.call('HDEL', JOB .. id, unpack(fields)) end
end

local function answer(id, result, outcome)
  give_back(id, result)
  if result ~= 'done' then throw_files(id) end
  strip(id, { 'job', 'made' })
  local lane = get(id, 'lane')
  if lane then redis.call('ZREM', 'unstill:running:' .. lane, id) end
  redis.call('HDEL', JOB .. id, 'progress', 'look')
  set(id, 'state', result, 'result', result, 'outcome', outcome, 'finished_at', num(NOW),
    'finished_seen', num(watched()), 'redos', 0)
  due(id, NOW + TIMES.answer)
  tell(id, 'answer')
end

-- Take a record that was forgotten out of the server. That its request was here stays, under a name that tells nobody.
local function vanish(id)
  local r = redis.call('HMGET', JOB .. id, 'person', 'gone', 'owner', 'lapsed', 'finisher')
  for i = 3, 5 do
    if r[i] then redis.call('DEL', 'unstill:claim:' .. r[i]) end
  end
  redis.call('ZREM', DUE, id)
  redis.call('ZREM', 'unstill:mine:' .. (r[1] or ''), id)
  redis.call('SET', 'unstill:gone:' .. r[2], 1, 'PX', TIMES.gone_kept)
  redis.call('SET', 'unstill:rewrite', num(NOW))
  redis.call('DEL', JOB .. id)
end

local function close(id, state)
  local platform, result = get(id, 'platform'), get(id, 'result') or ''
  if not get(id, 'notice') then
    count('answers', platform, result, result == 'failed' and code_of(get(id, 'outcome')) or '', state)
    if state == 'sent' then measure(NOW - get(id, 'accepted_at'), 'answer_seconds', platform, result) end
  end
  if get(id, 'forgotten') then return vanish(id) end
  local kept = get(id, 'refused') and math.min(TIMES.kept, TIMES.refused_kept) or TIMES.kept
  set(id, 'state', state)
  redis.call('ZREM', DUE, id)
  redis.call('PEXPIRE', JOB .. id, kept)
end

local function requeue(id)
  set(id, 'rendered', num(rendered(id)))
  redis.call('ZREM', 'unstill:running:' .. get(id, 'lane'), id)
  set(id, 'state', 'queued', 'wakes', 0, 'lapsed', get(id, 'owner'))
  redis.call('HDEL', JOB .. id, 'owner', 'progress', 'look')
  line_up(id, true)
  due(id, NOW + TIMES.wake)
  show(id, 'state', 'queued')
end

-- A try is over without an outcome, for that reason: again, or after the last one the failure that the caller names.
local function lapse(id, attempts, outcome, reason)
  if not get(id, 'cancel') then count('tries_lost', get(id, 'lane'), reason) end
  if get(id, 'cancel') then
    answer(id, 'cancelled', get(id, 'cancel'))
  elseif tonumber(get(id, 'attempt')) >= attempts then
    answer(id, 'failed', outcome)
  else
    requeue(id)
    redis.call('HINCRBY', JOB .. id, 'attempt', 1)
    return true
  end
end

-- `before` in seconds, until its engine can begin.
local function mark_running(id, before)
  local lane, cost = get(id, 'lane'), tonumber(get(id, 'cost'))
  local whole = before + cost * rate_of(lane, get(id, 'engine') or nil)
  redis.call('ZADD', 'unstill:running:' .. lane, num(NOW + whole * 1000), id)
end

local function run(id, owner, engine)
  set(id, 'state', 'running', 'owner', owner, 'lease', num(NOW + TIMES.lease), 'engine', engine, 'started_at', num(NOW))
  mark_running(id, changeover_of(get(id, 'lane'), engine) or 0)
  due(id, NOW + TIMES.lease)
  show(id, 'state', 'running')
end

-- A clip that its platform refused goes back into a line, on the lane of refits: an engine that needs no device
-- makes it smaller. It counts as a job in hand again; its seconds stay charged, as it was rendered whole.
local function line_up_to_shrink(id, lane, job)
  set(id, 'state', 'queued', 'lane', lane, 'job', job, 'made', get(id, 'outcome'), 'attempt', 1, 'wakes', 0,
    'queued_at', num(NOW), 'wait_until', num(NOW + TIMES.wait), 'queued_seen', num(watched()), 'wait', num(TIMES.wait), 'rendered', get(id, 'cost'))
  redis.call('HDEL', JOB .. id, 'outcome', 'result', 'sender', 'charged', 'needs')
  count_jobs(id, 1)
  line_up(id)
  due(id, NOW + TIMES.wake)
end

-- The one who rendered may still speak for the job: while the lease holds, and after it lapsed for as
-- long as nobody else has taken the job (a Redis that was away must not cost a finished render).
local function holds(id, owner)
  local state = get(id, 'state')
  if state == 'running' and get(id, 'owner') == owner then return 'running' end
  if state == 'queued' and get(id, 'lapsed') == owner then return 'lapsed' end
end
