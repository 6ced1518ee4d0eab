-- Whose turn it is: start-time fair queueing (Goyal, Vin, Cheng 1996) over places, and within a place over
-- accounts, in estimated seconds. Decided when an engine asks: a score fixed at submission cannot be fair on both levels.
--
-- Keys: unstill:job:<id> unstill:due unstill:turn:<lane>... unstill:clock:<lane>... unstill:work:<lane>
--   unstill:parked:<lane> unstill:sequence

local function keys_of(name, place, account, cost)
  local lane = 'unstill:turn:' .. name
  return {
    name = name, place = place, account = account, cost = cost,
    lane = lane, places = lane .. '|' .. place, line = lane .. '|' .. place .. '|' .. account,
    lane_clock = 'unstill:clock:' .. name, place_clock = 'unstill:clock:' .. name .. '|' .. place,
    work = 'unstill:work:' .. name,
  }
end

local function turn_keys(id)
  local r = redis.call('HMGET', JOB .. id, 'lane', 'place', 'cost')
  return keys_of(r[1], r[2], account_of(id), tonumber(r[3]))
end

local function enter(set_key, clock, name, sequence)
  if redis.call('ZSCORE', set_key, name) then return end
  local v = tonumber(redis.call('HGET', clock, 'v') or '0')
  local f = tonumber(redis.call('HGET', clock, 'f|' .. name) or '0')
  -- equal tags go by arrival: the sequence adds less than a millisecond of virtual time
  redis.call('ZADD', set_key, num(math.max(v, f) + (sequence % 100000) * 1e-9), name)
  redis.call('HDEL', clock, 'f|' .. name)
end

local function leave(set_key, clock, name)
  local tag = redis.call('HGET', clock, 'b|' .. name) or redis.call('ZSCORE', set_key, name)
  if not tag then return end
  redis.call('HDEL', clock, 'b|' .. name)
  redis.call('ZREM', set_key, name)
  if redis.call('ZCARD', set_key) == 0 then
    redis.call('DEL', clock)
  else
    redis.call('HSET', clock, 'f|' .. name, tag)
    if redis.call('HLEN', clock) > 4096 then
      local v = tonumber(redis.call('HGET', clock, 'v') or '0')
      local all = redis.call('HGETALL', clock)
      for i = 1, #all, 2 do
        if all[i] ~= 'v' and all[i]:sub(1, 2) ~= 'b|' and tonumber(all[i + 1]) <= v then redis.call('HDEL', clock, all[i]) end
      end
    end
  end
end

local function count_work(k, sign)
  for _, field in ipairs({ 'c|' .. k.place, 'p|' .. k.place .. '|' .. k.account }) do
    -- of a record that cannot say its cost: `tidy` counts anew
    local cost = k.cost or 0
    if redis.call('HINCRBY', k.work, 'n' .. field, sign) <= 0 then
      redis.call('HDEL', k.work, 'n' .. field, field)
    else
      redis.call('HINCRBYFLOAT', k.work, field, num(sign * cost))
    end
  end
end

local function line_up(id, front)
  local k = turn_keys(id)
  local sequence = redis.call('INCR', 'unstill:sequence')
  enter(k.lane, k.lane_clock, k.place, sequence)
  enter(k.places, k.place_clock, k.account, sequence)
  local own_tag = redis.call('HGET', k.lane_clock, 'b|' .. k.place)
  if own_tag and redis.call('ZCARD', k.places) > 1 then
    local v = tonumber(redis.call('HGET', k.lane_clock, 'v') or '0')
    redis.call('ZADD', k.lane, num(math.max(v, tonumber(own_tag))), k.place)
    redis.call('HDEL', k.lane_clock, 'b|' .. k.place)
  end
  if front then
    local first = redis.call('ZRANGE', k.line, 0, 0, 'WITHSCORES')
    redis.call('ZADD', k.line, first[2] and num(tonumber(first[2]) - 1) or sequence, id)
  else
    redis.call('ZADD', k.line, sequence, id)
  end
  count_work(k, 1)
  ring(k.name)
end

local function leave_line(k, id)
  if redis.call('ZREM', k.line, id) == 0 then return false end
  count_work(k, -1)
  if redis.call('ZCARD', k.line) == 0 then
    leave(k.places, k.place_clock, k.account)
    if redis.call('ZCARD', k.places) == 0 then leave(k.lane, k.lane_clock, k.place) end
  end
  return true
end

-- Who waits in many places has the turns of one: a place where nobody else waits is put off until its account may be
-- served again, and where others wait they go first.
local function entitled(lane, account)
  return tonumber(redis.call('HGET', 'unstill:clock:' .. lane, 'a|' .. account) or '0')
end

local function step_out(id)
  local k = turn_keys(id)
  redis.call('ZREM', 'unstill:parked:' .. k.name, id)
  return leave_line(k, id)
end

-- `can` has the words of what an engine can do; of a job's `needs` those that an older engine does not know of
-- are known from the start, and others once an engine could not serve it.
local function able(id, can)
  for word in string.gmatch(get(id, 'needs') or '', '%S+') do
    if not can[word] then return false end
  end
  return true
end

-- `can`: of an engine that asks on behalf of itself, which is told of what is parked and it could make.
local function ring_where_work_waits(lane, can)
  if redis.call('EXISTS', 'unstill:turn:' .. lane) == 1 then return ring(lane) end
  for _, id in ipairs(redis.call('ZRANGE', 'unstill:parked:' .. lane, 0, -1)) do
    if can and not fault(id) and able(id, can) then return ring(lane) end
  end
end

local function park(id)
  local k = turn_keys(id)
  leave_line(k, id)
  redis.call('ZADD', 'unstill:parked:' .. k.name, num(NOW), id)
  show(id, 'state', 'queued')
end

local function unpark(lane, can, bad)
  local parked = 'unstill:parked:' .. lane
  for _, id in ipairs(redis.call('ZREVRANGE', parked, 0, -1)) do
    local wrong = fault(id)
    local waits = not wrong and get(id, 'state') == 'queued'
    if wrong then set_aside(id, wrong, bad) end
    if not waits or able(id, can) then redis.call('ZREM', parked, id) end
    if waits and able(id, can) then
      set(id, 'wakes', 0)
      line_up(id, true)
      due(id, NOW + TIMES.wake)
      show(id, 'state', 'queued')
    end
  end
end

local function first_account(lane)
  local key = 'unstill:turn:' .. lane
  while true do
    local place = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if not place[1] then return nil end
    local tag = tonumber(place[2])
    local accounts = redis.call('ZRANGE', key .. '|' .. place[1], 0, 9, 'WITHSCORES')
    for i = 1, #accounts, 2 do
      if entitled(lane, accounts[i]) <= tag then return place, { accounts[i], accounts[i + 1] } end
    end
    if #accounts ~= 2 then return place, accounts end
    redis.call('HSETNX', 'unstill:clock:' .. lane, 'b|' .. place[1], place[2])
    redis.call('ZADD', key, num(entitled(lane, accounts[1])), place[1])
  end
end

-- The first of a line whose record can be acted on, by an engine that can; what cannot is set aside or parked.
local function first_in(lane, can, bad)
  while true do
    local place, account = first_account(lane)
    if not place then return nil end
    local k = keys_of(lane, place[1], account[1] or '', nil)
    local id = redis.call('ZRANGE', k.line, 0, 0)[1]
    local wrong = id and fault(id)
    local waits = id and not wrong and get(id, 'state') == 'queued'
    if waits and able(id, can) then return id, place, account end
    if waits then park(id) end
    if wrong then set_aside(id, wrong, bad) end
    if id then
      leave_line(k, id)
    else
      redis.call('ZREM', k.places, k.account)
      if redis.call('ZCARD', k.places) == 0 then redis.call('ZREM', k.lane, k.place) end
    end
  end
end

local function next_in(lane, can, bad)
  local id, place, account = first_in(lane, can, bad)
  if not id then return nil end
  local k = turn_keys(id)
  -- a job that comes back after a crash has been charged to its account before
  local charge = get(id, 'charged') and 0 or k.cost
  set(id, 'charged', 1)
  redis.call('HSET', k.lane_clock, 'v', place[2])
  redis.call('HDEL', k.lane_clock, 'b|' .. k.place)
  -- a little less than its place's next tag, so that its other places come before that
  if charge > 0 then redis.call('HSET', k.lane_clock, 'a|' .. k.account, num(place[2] + charge * (1 - 1e-6))) end
  local v = tonumber(redis.call('HGET', k.place_clock, 'v') or '0')
  redis.call('HSET', k.place_clock, 'v', num(math.max(v, tonumber(account[2]))))
  redis.call('ZADD', k.lane, num(tonumber(place[2]) + charge), k.place)
  redis.call('ZADD', k.places, num(tonumber(account[2]) + charge), k.account)
  step_out(id)
  return id
end
