-- When a job will be ready: learnt by lane and engine from what was rendered.
--
-- Keys: unstill:job:<id> unstill:rate unstill:speed:<lane> unstill:engines:<lane> unstill:running:<lane> unstill:lanes
--   unstill:work:<lane>

-- A person is told a time by which 88 of 100 clips are there. Each clip moves what is known by a step on the logarithm's
-- scale, up by 0.88 of it where it took longer, else down by 0.12: the stochastic approximation of a quantile (Robbins,
-- Monro 1951).
local BY_THEN, STEP, AT_FIRST = 0.88, 0.2, 1.25

-- Seconds for a job's way to an engine and its clip's way to its chat.
local ON_THE_WAY = 2

local function of_engine(kind, engine) return kind .. '|' .. engine end

-- What a second of estimate takes on a device, in the mean; of an engine that has finished nothing, what it takes in its lane.
local function rate_of(lane, engine)
  local own = engine and redis.call('HGET', 'unstill:speed:' .. lane, of_engine('r', engine))
  return tonumber(own or redis.call('HGET', 'unstill:rate', lane) or '1')
end

-- What a second of estimate takes at most, in 88 of 100 clips, from the claim to the clip.
local function most_of(lane, engine)
  local speed = 'unstill:speed:' .. lane
  local own = engine and redis.call('HGET', speed, of_engine('m', engine)) or redis.call('HGET', speed, 'm')
  return tonumber(own or num(rate_of(lane, engine) * AT_FIRST))
end

local function follow_mean(key, field, measured)
  local known = tonumber(redis.call('HGET', key, field) or num(measured))
  redis.call('HSET', key, field, num(known * 0.8 + measured * 0.2))
end

local function follow_most(key, field, measured)
  local known = tonumber(redis.call('HGET', key, field) or num(measured * AT_FIRST))
  redis.call('HSET', key, field, num(known * math.exp(STEP * (measured > known and BY_THEN or BY_THEN - 1))))
end

-- `seconds` on the device, of a job that was claimed when its `started_at` says; the rest of its time is its file's.
local function learn(id, seconds)
  local r = redis.call('HMGET', JOB .. id, 'lane', 'cost', 'engine', 'started_at')
  local lane, cost, engine = r[1], tonumber(r[2]), r[3]
  if cost <= 0 then return end
  local measured, speed = seconds / cost, 'unstill:speed:' .. lane
  follow_mean('unstill:rate', lane, measured)
  local wall = (NOW - (tonumber(r[4] or NOW) or NOW)) / 1000
  -- a clock that jumped meanwhile measured nothing
  local whole = math.max(measured, wall < DAY / 1000 and wall / cost or 0)
  if whole <= 0 then return end
  follow_most(speed, 'm', whole)
  if not engine then return end
  follow_mean(speed, of_engine('r', engine), measured)
  follow_most(speed, of_engine('m', engine), whole)
end

local function forget_engine(lane, engine)
  local speed = 'unstill:speed:' .. lane
  redis.call('HDEL', speed, of_engine('r', engine), of_engine('m', engine), of_engine('l', engine), of_engine('t', engine))
end

local function by_left(a, b)
  if a.left ~= b.left then return a.left < b.left end
  return a.name < b.name
end

-- The seconds that an engine of several models needs before it can begin in a lane, and those for which it stays with a model
-- while another's work waits; nil of an engine of one model.
local function changeover_of(lane, engine)
  local r = redis.call('HMGET', 'unstill:speed:' .. lane, of_engine('l', engine), of_engine('t', engine))
  return tonumber(r[1] or nil), tonumber(r[2] or nil)
end

-- `left` gets the seconds until each engine has done what runs in a lane.
local function add_running(lane, left)
  local running = redis.call('ZRANGE', 'unstill:running:' .. lane, 0, -1, 'WITHSCORES')
  for i = 1, #running, 2 do
    -- of a record that was damaged since, nothing is known
    local engine = redis.pcall('HGET', JOB .. running[i], 'engine')
    if type(engine) == 'string' then left[engine] = math.max(left[engine] or 0, (tonumber(running[i + 1]) - NOW) / 1000) end
  end
end

-- The other lanes of an engine in which work waits: how many, and its seconds on that engine.
local function waiting_elsewhere(lane, engine)
  local lanes, seconds = 0, 0
  for _, other in ipairs(redis.call('SMEMBERS', 'unstill:lanes')) do
    if other ~= lane and redis.call('ZSCORE', 'unstill:engines:' .. other, engine) then
      local waits, work = 0, redis.call('HGETALL', 'unstill:work:' .. other)
      for i = 1, #work, 2 do
        if string.sub(work[i], 1, 2) == 'c|' then waits = waits + tonumber(work[i + 1]) end
      end
      if waits > 0 then lanes, seconds = lanes + 1, seconds + waits * rate_of(other, engine) end
    end
  end
  return lanes, seconds
end

-- An engine of several models goes from one to the next while work of each waits: its device is shared by so many, and where
-- another's is loaded that one may stay for its turn.
local function shared(engine, lane, before, turn)
  local lanes, seconds = waiting_elsewhere(lane, engine.name)
  if before > 0 and lanes > 0 then engine.left = engine.left + math.min(turn, seconds) end
  engine.left = engine.left + before
  engine.rate = engine.rate * (1 + lanes)
  engine.idle = engine.idle and lanes == 0
end

-- The engines alive on a lane, the one that is free first before the others: `left` seconds until then, `idle` where it has
-- nothing in hand.
local function engines_on(lane)
  local names = redis.call('ZRANGEBYSCORE', 'unstill:engines:' .. lane, num(NOW - TIMES.engine_alive), '+inf')
  local left, elsewhere = {}, false
  add_running(lane, left)
  local engines = {}
  for _, name in ipairs(names) do
    local before, turn = changeover_of(lane, name)
    if before and not elsewhere then
      elsewhere = true
      for _, other in ipairs(redis.call('SMEMBERS', 'unstill:lanes')) do add_running(other, left) end
    end
    local engine = { name = name, rate = rate_of(lane, name), left = left[name] or 0, idle = left[name] == nil }
    if before then shared(engine, lane, before, turn) end
    engines[#engines + 1] = engine
  end
  table.sort(engines, by_left)
  return engines
end

-- The seconds until the engines have done `ahead` seconds of estimate, and one of them is free.
local function free_after(engines, ahead)
  local work, speed, at = ahead, 0, nil
  for _, engine in ipairs(engines) do
    if at and at <= engine.left then return at end
    work, speed = work + engine.left / engine.rate, speed + 1 / engine.rate
    at = work / speed
  end
  return at
end

-- The seconds until a job will be ready that costs `cost` and has `ahead` seconds of estimate before it; nil where nobody
-- can tell: no engine is alive, or one that has nothing to do has not taken it though it had the time.
local function ready_in(lane, cost, ahead, waited)
  local engines = engines_on(lane)
  local first = engines[1]
  if not first or (ahead == 0 and first.idle and waited > TIMES.engine_slow) then return nil, #engines end
  local most = most_of(lane, first.name)
  if #engines > 1 then most = math.max(most, most_of(lane)) end
  return free_after(engines, ahead) + cost * most + ON_THE_WAY, #engines
end
