-- Every change of a job's state, and nothing else changes one. ARGV[1] names the transition.
-- Time is Redis' own TIME, so the clocks of bots and engines do not matter. Keys are made here from
-- ids, which a Redis Cluster would not allow; one Redis holds the ledger.
--
-- unstill:job:<id>               hash, the record
-- unstill:gone:<name>            of a request that was forgotten, by a name that tells nobody: it is not new
-- unstill:mine:<person>          zset id -> ms: the requests of a person that are on record
-- unstill:due                    zset id -> ms: when somebody must look again. Every job that is not final stands here
-- unstill:turn:<lane>            zset place -> virtual start tag      (places with queued jobs)
-- unstill:turn:<lane>|<place>    zset account -> virtual start tag    (accounts with queued jobs there)
-- unstill:turn:<lane>|<place>|<account>  zset id -> sequence          (that account's line)
-- unstill:clock:<lane>[|<place>] hash: v = virtual time, f|<name> = finish tag of one that left; of a lane also
--                                a|<account> = tag from which on it may be served again, wherever it waits, and
--                                b|<place> = the own tag of a place that is put off until then
-- unstill:work:<lane>            hash: queued seconds and jobs by place and account
-- unstill:parked:<lane>          zset id -> ms: queued jobs that wait for an engine which can do what they need
-- unstill:running:<lane>         zset id -> ms when it should end
-- unstill:pace:<account>         ms until which an account has asked ahead of its rate of requests
-- unstill:jobs, unstill:seconds:<day>   hashes: quotas in use, by account (p|) and place (c|)
-- unstill:watched                hash: ms = time that some reaper saw pass, at = when one last looked
-- unstill:unreadable             zset id -> ms: records that nobody can act on, out of the due index
-- unstill:outbox:<platform>, unstill:progress:<platform>  streams
-- unstill:rewrite                ms: somebody wants what was deleted by then out of the server's file
-- unstill:platforms              set of those that have such streams
-- unstill:trash                  zset storage key -> ms when that file is to be deleted, the next time
-- unstill:thrown                 hash storage key -> ms when it was thrown there

local JOB, DUE = 'unstill:job:', 'unstill:due'
local FINAL = { sent = true, undeliverable = true }
local ANSWER = { done = true, failed = true, cancelled = true }
local DAY = 86400000
-- a client may repeat a claim whose answer was lost for as long as its patience with a server that is away
local CLAIM_KNOWN = 3600000
-- the longest that the record of a refused request is kept
local REFUSED_KEPT = 3600000
local MINUTE = 60000
-- a platform tells of an update again for a day at most; so long it is remembered of a request that was forgotten
local GONE_KEPT = 2 * DAY
-- a file's key stays in the trash for as long as somebody may still be storing it
local TRASH_KEPT = 600000
local UNREADABLE, UNREADABLE_MOST, UNREADABLE_KEPT = 'unstill:unreadable', 1000, 3 * DAY
local GONE = 'its record is gone'
-- of the time between two looks at most so much was seen to pass; the clock jumped where it went back, or by so much on
local TICK, WENT_BACK, WENT_ON = 5000, -1000, 60000
-- what is left of a lease when the clock has jumped: more than a beat
local LEASE_LEFT = 5000

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local NOW = now()

local function num(x) return string.format('%.17g', x) end
local function get(id, field) return redis.call('HGET', JOB .. id, field) or nil end
local function set(id, ...) redis.call('HSET', JOB .. id, ...) end
local function due(id, at) redis.call('ZADD', DUE, num(at), id) end

-- An account is a person, or all who write in the name of a channel or group in one chat. A record that was
-- accepted by an older version has none.
local function account_of(id) return get(id, 'account') or get(id, 'person') end

local function tell(id, kind)
  redis.call('XADD', 'unstill:outbox:' .. get(id, 'platform'), 'MAXLEN', '~', 100000, '*', 'id', id, 'kind', kind,
    'place', get(id, 'place') or '', 'account', account_of(id) or '')
end

local function show(id, kind, body)
  redis.call('XADD', 'unstill:progress:' .. get(id, 'platform'), 'MAXLEN', '~', 10000, '*', 'id', id, 'kind', kind,
    'place', get(id, 'place'), 'body', body or '')
end

-- Waits of a day count the time that somebody was there to see pass, in small ticks. The server's clock may jump, and
-- nobody may be there for a night: neither is a wait.
local function watched() return tonumber(redis.call('HGET', 'unstill:watched', 'ms') or '0') end

-- Nothing is put off by a day: such a time was written before the clock was set back, and nobody saw that.
local function near(at) return at and tonumber(at) < NOW + DAY end

-- A record of an older version has only the clock's time.
local function seen(id, field, at, most)
  if not get(id, field) then
    set(id, field, num(watched() - math.max(0, math.min(most, NOW - tonumber(get(id, at))))))
  end
  return watched() - tonumber(get(id, field))
end

-- A record is looked at before anything is changed: one that was damaged must stop nobody but itself.

local NUMBERS = {
  accepted = {},
  queued = { 'cost', 'attempt', 'day', 'wait_until' },
  running = { 'cost', 'attempt', 'day', 'lease', 'started_at' },
  done = { 'finished_at' }, failed = { 'finished_at' }, cancelled = { 'finished_at' }, sending = { 'finished_at' },
}
local TEXTS = {
  accepted = { 'request' },
  queued = { 'lane', 'job' },
  running = { 'lane', 'job', 'owner' },
  done = { 'result', 'outcome' }, failed = { 'result', 'outcome' }, cancelled = { 'result', 'outcome' },
  sending = { 'result', 'outcome' },
}

local function finite(text)
  local n = tonumber(text)
  return n and n == n and math.abs(n) < math.huge
end

-- What is wrong with a record, in words for the operator; nil where its state can be acted on.
local function fault(id)
  local kind = redis.call('TYPE', JOB .. id).ok
  if kind == 'none' then return GONE end
  if kind ~= 'hash' then return 'a ' .. kind .. ' stands in its place' end
  local state = get(id, 'state')
  if FINAL[state] then return nil end
  if not NUMBERS[state] then return 'its state is ' .. (state or 'missing') end
  if not account_of(id) then return 'its person is missing' end
  for _, field in ipairs({ 'platform', 'place', unpack(TEXTS[state]) }) do
    if not get(id, field) then return 'its ' .. field .. ' is missing' end
  end
  for _, field in ipairs({ 'accepted_at', unpack(NUMBERS[state]) }) do
    local value = get(id, field)
    if not finite(value) then return 'its ' .. field .. ' is ' .. (value or 'missing') end
  end
end

local set_aside

-- Whose turn it is: start-time fair queueing (Goyal, Vin, Cheng 1996) over places, and within a place over
-- accounts, in estimated seconds. Decided when an engine asks: a score fixed at submission cannot be fair on both levels.

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

-- `can` has the words of what an engine can do; a job's `needs` are known once an engine could not serve it.
local function able(id, can)
  for word in string.gmatch(get(id, 'needs') or '', '%S+') do
    if not can[word] then return false end
  end
  return true
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
      due(id, NOW + 1000)
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

-- Quotas: jobs queued or running, and seconds by UTC day.

local function over_quota(account, place, cost, limits)
  local seconds = 'unstill:seconds:' .. math.floor(NOW / DAY)
  local checks = {
    { 'jobs', 'person', 'unstill:jobs', 'p|' .. account, 1, limits[1] },
    { 'jobs', 'chat', 'unstill:jobs', 'c|' .. place, 1, limits[2] },
    { 'seconds', 'person', seconds, 'p|' .. account, cost, limits[3] },
    { 'seconds', 'chat', seconds, 'c|' .. place, cost, limits[4] },
  }
  for _, c in ipairs(checks) do
    local used = tonumber(redis.call('HGET', c[3], c[4]) or '0')
    if c[6] > 0 and used + c[5] > c[6] then return { 'quota', c[1], c[2], num(c[6]), num(used) } end
  end
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

-- Files. Their keys are on record before their bytes are stored (fields `picture`, and `clips` with a space between
-- two), so whoever looks at a record knows all that may exist, and what is thrown is surely deleted.

local function throw(keys)
  for key in string.gmatch(keys or '', '%S+') do
    redis.call('ZADD', 'unstill:trash', num(NOW), key)
    redis.call('HSET', 'unstill:thrown', key, num(NOW))
  end
end

local function throw_files(id)
  throw(get(id, 'picture'))
  throw(get(id, 'clips'))
  redis.call('HDEL', JOB .. id, 'picture', 'clips')
end

local function holds_word(words, word) return string.find(' ' .. words .. ' ', ' ' .. word .. ' ', 1, true) end

local function keep_clips(id, wanted)
  local kept = {}
  for key in string.gmatch(get(id, 'clips') or '', '%S+') do
    if holds_word(wanted, key) then kept[#kept + 1] = key else throw(key) end
  end
  set(id, 'clips', table.concat(kept, ' '))
end

-- `bad` gathers ids and what is wrong, for the log. Where the record stood is seen to once, at the script's end.
local aside = {}
function set_aside(id, wrong, bad)
  bad[#bad + 1], bad[#bad + 2] = id, wrong
  aside[#aside + 1] = id
  redis.call('ZADD', UNREADABLE, num(NOW), id)
  redis.call('ZREMRANGEBYSCORE', UNREADABLE, '-inf', num(NOW - UNREADABLE_KEPT))
  redis.call('ZREMRANGEBYRANK', UNREADABLE, 0, -1 - UNREADABLE_MOST)
  redis.call('ZREM', DUE, id)
  redis.call('PEXPIRE', JOB .. id, UNREADABLE_KEPT)
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

-- Where a job goes next.

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
  redis.call('HDEL', JOB .. id, 'progress')
  set(id, 'state', result, 'result', result, 'outcome', outcome, 'finished_at', num(NOW),
    'finished_seen', num(watched()), 'redos', 0)
  due(id, NOW + 5000)
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
  redis.call('SET', 'unstill:gone:' .. r[2], 1, 'PX', GONE_KEPT)
  redis.call('SET', 'unstill:rewrite', num(NOW))
  redis.call('DEL', JOB .. id)
end

local function close(id, state, keep)
  if get(id, 'forgotten') then return vanish(id) end
  if get(id, 'refused') then keep = math.min(tonumber(keep), REFUSED_KEPT) end
  set(id, 'state', state, 'ended_at', num(NOW))
  redis.call('ZREM', DUE, id)
  redis.call('PEXPIRE', JOB .. id, num(keep))
end

local function requeue(id)
  set(id, 'rendered', num(rendered(id)))
  redis.call('ZREM', 'unstill:running:' .. get(id, 'lane'), id)
  set(id, 'state', 'queued', 'wakes', 0, 'lapsed', get(id, 'owner'))
  redis.call('HDEL', JOB .. id, 'owner', 'progress')
  line_up(id, true)
  due(id, NOW + 1000)
  show(id, 'state', 'queued')
end

-- A try is over without an outcome: again, or after the last one the failure that the caller names.
local function lapse(id, attempts, outcome)
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

local function run(id, owner, lease, engine)
  local lane, cost = get(id, 'lane'), tonumber(get(id, 'cost'))
  local rate = tonumber(redis.call('HGET', 'unstill:rate', lane) or '1')
  set(id, 'state', 'running', 'owner', owner, 'lease', num(NOW + lease), 'engine', engine, 'started_at', num(NOW))
  redis.call('ZADD', 'unstill:running:' .. lane, num(NOW + cost * rate * 1000), id)
  due(id, NOW + lease)
  show(id, 'state', 'running')
end

-- A clip that its platform refused goes back into a line, on the lane of refits: an engine that needs no device
-- makes it smaller. It counts as a job in hand again; its seconds stay charged, as it was rendered whole.
local function line_up_to_shrink(id, lane, job, wait)
  set(id, 'state', 'queued', 'lane', lane, 'job', job, 'made', get(id, 'outcome'), 'attempt', 1, 'wakes', 0,
    'wait_until', num(NOW + wait), 'queued_seen', num(watched()), 'wait', num(wait), 'rendered', get(id, 'cost'))
  redis.call('HDEL', JOB .. id, 'outcome', 'result', 'sender', 'charged', 'needs')
  count_jobs(id, 1)
  line_up(id)
  due(id, NOW + 1000)
end

-- The one who rendered may still speak for the job: while the lease holds, and after it lapsed for as
-- long as nobody else has taken the job (a Redis that was away must not cost a finished render).
local function holds(id, owner)
  local state = get(id, 'state')
  if state == 'running' and get(id, 'owner') == owner then return 'running' end
  if state == 'queued' and get(id, 'lapsed') == owner then return 'lapsed' end
end

local op = {}

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

-- Counts one more request that is not written down by itself.
function op.pace(account, per_minute)
  local wait = too_fast(account, tonumber(per_minute))
  return wait and { 'fast', wait } or { 'ok' }
end

-- `place`, `account` and `gone` are names that tell nobody: what is kept under them outlasts a person's forgetting.
function op.accept(id, platform, person, place, account, gone, request, grace, per_minute)
  local wrong = fault(id)
  if wrong and wrong ~= GONE and redis.call('TYPE', JOB .. id).ok ~= 'hash' then redis.call('DEL', JOB .. id) end
  local state = get(id, 'state')
  if redis.call('EXISTS', 'unstill:gone:' .. gone) == 1 then return { 'seen', 'gone' } end
  if state then return { 'seen', state } end
  local fast = too_fast(account, tonumber(per_minute))
  if fast then return { 'fast', fast } end
  -- first what a server without memory refuses: after another write it refuses a script nothing any more
  set(id, 'state', 'accepted', 'platform', platform, 'person', person, 'place', place, 'account', account,
    'gone', gone, 'request', request, 'accepted_at', num(NOW), 'accepted_seen', num(watched()), 'intakes', 0)
  redis.call('ZREM', UNREADABLE, id)
  due(id, NOW + tonumber(grace))
  redis.call('SADD', 'unstill:platforms', platform)
  local mine = 'unstill:mine:' .. person
  redis.call('ZADD', mine, num(NOW), id)
  -- the list holds all that there is of a person, and loses what has expired
  for _, old in ipairs(redis.call('ZRANGE', mine, 0, 1)) do
    if redis.call('EXISTS', JOB .. old) == 0 then redis.call('ZREM', mine, old) end
  end
  redis.call('PEXPIRE', mine, 30 * DAY)
  return { 'accepted', 'accepted' }
end

-- Whether a job of that cost would be queued now; nothing is reserved.
function op.afford(account, place, cost, person_jobs, chat_jobs, person_seconds, chat_seconds)
  local limits = { tonumber(person_jobs), tonumber(chat_jobs), tonumber(person_seconds), tonumber(chat_seconds) }
  return over_quota(account, place, tonumber(cost), limits) or { 'ok' }
end

function op.queue(id, lane, cost, job, wait, person_jobs, chat_jobs, person_seconds, chat_seconds)
  local state = get(id, 'state')
  if state ~= 'accepted' then return { 'already', state or 'none' } end
  local limits = { tonumber(person_jobs), tonumber(chat_jobs), tonumber(person_seconds), tonumber(chat_seconds) }
  local over = over_quota(account_of(id), get(id, 'place'), tonumber(cost), limits)
  if over then return over end
  set(id, 'state', 'queued', 'lane', lane, 'cost', cost, 'job', job, 'day', math.floor(NOW / DAY), 'attempt', 1,
    'wakes', 0, 'queued_at', num(NOW), 'wait_until', num(NOW + tonumber(wait)),
    'queued_seen', num(watched()), 'wait', wait)
  reserve(id)
  line_up(id)
  due(id, NOW + 1000)
  return { 'queued', 'queued' }
end

-- The key under which a request's picture is to be stored: `key`, or the one that was given before. 'no': it has ended
-- or is being forgotten, and nothing of it may be stored.
function op.picture(id, key)
  if get(id, 'state') ~= 'accepted' or get(id, 'forgotten') then return { 'no' } end
  if not get(id, 'picture') then set(id, 'picture', key) end
  return { 'ok', get(id, 'picture') }
end

function op.refuse(id, outcome)
  local state = get(id, 'state')
  if state ~= 'accepted' then return { 'already', state or 'none' } end
  set(id, 'refused', 1)
  answer(id, 'failed', outcome)
  return { 'ok' }
end

function op.claim(lane, owner, lease, engine, ...)
  -- an owner token is used for one claim; when the answer was lost, the same token gets the same job
  local bad = {}
  local before = redis.call('GET', 'unstill:claim:' .. owner)
  if before and not fault(before) and holds(before, owner) == 'running' then
    return { bad, before, get(before, 'job'), get(before, 'attempt'), get(before, 'made') or '' }
  end
  local can = {}
  for _, word in ipairs({ ... }) do can[word] = true end
  unpark(lane, can, bad)
  local id = next_in(lane, can, bad)
  if not id then return { bad } end
  -- whoever had it before cannot speak for it any more
  if get(id, 'lapsed') then redis.call('DEL', 'unstill:claim:' .. get(id, 'lapsed')) end
  run(id, owner, tonumber(lease), engine)
  redis.call('SET', 'unstill:claim:' .. owner, id, 'PX', CLAIM_KNOWN)
  return { bad, id, get(id, 'job'), get(id, 'attempt'), get(id, 'made') or '' }
end

function op.beat(id, owner, lease, progress)
  local held = holds(id, owner)
  if not held then return { 'lost' } end
  if held == 'lapsed' then
    step_out(id)
    redis.call('HINCRBY', JOB .. id, 'attempt', -1)
    run(id, owner, tonumber(lease), get(id, 'engine'))
  end
  set(id, 'lease', num(NOW + lease))
  due(id, NOW + lease)
  if progress ~= '' then
    set(id, 'progress', progress)
    show(id, 'progress', progress)
  end
  return { get(id, 'cancel') and 'cancel' or 'ok' }
end

-- The key of a file that is to be stored for a job. Nothing may be stored where the answer is not 'ok'.
function op.clip(id, owner, key)
  if not holds(id, owner) then return { 'lost' } end
  if get(id, 'cancel') then return { 'cancel' } end
  local clips = get(id, 'clips') or ''
  if not holds_word(clips, key) then set(id, 'clips', clips == '' and key or clips .. ' ' .. key) end
  return { 'ok' }
end

-- `clips`: the keys of the files that the outcome names. What else was stored for the job, by tries that were lost or
-- before it was made smaller, is thrown away.
function op.finish(id, owner, result, outcome, seconds, clips)
  local held = holds(id, owner)
  if not held then return { get(id, 'finisher') == owner and 'ok' or 'lost' } end
  if held == 'lapsed' then step_out(id) end
  set(id, 'finisher', owner)
  redis.call('HDEL', JOB .. id, 'owner', 'lapsed')
  redis.call('DEL', 'unstill:claim:' .. owner)
  if get(id, 'cancel') then
    answer(id, 'cancelled', get(id, 'cancel'))
    return { 'ok' }
  end
  answer(id, result, outcome)
  if result == 'done' then
    keep_clips(id, clips)
    local lane, cost = get(id, 'lane'), tonumber(get(id, 'cost'))
    if cost > 0 then
      local measured = tonumber(seconds) / cost
      local rate = tonumber(redis.call('HGET', 'unstill:rate', lane) or num(measured))
      redis.call('HSET', 'unstill:rate', lane, num(rate * 0.8 + measured * 0.2))
    end
  end
  return { 'ok' }
end

function op.release(id, owner)
  if holds(id, owner) ~= 'running' then return { 'lost' } end
  if get(id, 'cancel') then
    answer(id, 'cancelled', get(id, 'cancel'))
    return { 'ended' }
  end
  requeue(id)
  redis.call('HDEL', JOB .. id, 'lapsed')
  redis.call('DEL', 'unstill:claim:' .. owner)
  return { 'ok', get(id, 'lane'), get(id, 'attempt') }
end

-- Its engine cannot do what it needs: it waits, at no cost, for one that can.
function op.park(id, owner, needs)
  local released = op.release(id, owner)
  if released[1] ~= 'ok' then return released end
  set(id, 'needs', needs)
  park(id)
  return { 'ok' }
end

function op.retry(id, owner, attempts, outcome)
  if holds(id, owner) ~= 'running' then return { 'lost' } end
  local again = lapse(id, tonumber(attempts), outcome)
  redis.call('HDEL', JOB .. id, 'lapsed')
  redis.call('DEL', 'unstill:claim:' .. owner)
  if again then return { 'again', get(id, 'lane'), get(id, 'attempt') } end
  return { 'ended' }
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
    redis.call('PUBLISH', 'unstill:cancel', id)
    return { 'cancelling' }
  end
  return { 'late', state or 'none' }
end

-- Forgetting.

local function forget(id, request, outcome)
  local state = get(id, 'state')
  set(id, 'forgotten', 1)
  -- `answer` throws them once more, when no engine can be storing one any more
  throw(get(id, 'picture'))
  throw(get(id, 'clips'))
  if FINAL[state] then return vanish(id) end
  set(id, 'request', request)
  if op.cancel(id, outcome)[1] == 'late' then
    -- an outcome that was filed and not shown; what its render cost stays charged
    set(id, 'result', 'cancelled', 'outcome', outcome)
    if state ~= 'sending' then set(id, 'state', 'cancelled') end
    strip(id, { 'job', 'made' })
  end
end

-- An older version kept what counts by the names of people and chats themselves.
local function forget_names(person, places, lanes)
  for _, lane in ipairs(redis.call('SMEMBERS', 'unstill:lanes')) do lanes[lane] = true end
  for lane in pairs(lanes) do
    local clock = 'unstill:clock:' .. lane
    redis.call('HDEL', clock, 'f|' .. person, 'a|' .. person, 'b|' .. person)
    redis.call('DEL', clock .. '|' .. person)
    for place in pairs(places) do redis.call('HDEL', clock .. '|' .. place, 'f|' .. person) end
  end
  local hashes = { 'unstill:jobs' }
  for ago = 0, 3 do hashes[#hashes + 1] = 'unstill:seconds:' .. math.floor(NOW / DAY) - ago end
  for _, key in ipairs(hashes) do redis.call('HDEL', key, 'p|' .. person, 'c|' .. person) end
end

-- All that a person asked for: what is answered vanishes, and the rest is cancelled, and vanishes when that is shown.
-- Given are an id; its request without words and picture, or nothing where that cannot be read: such a record goes
-- altogether; the name by which it is known that it was here; and the files of a record of an older version. Returned
-- are what came since the caller looked, to be given next time, and the keys of all files, which are thrown.
function op.forget(person, outcome, ...)
  local mine, left, files, given, places, lanes, words = 'unstill:mine:' .. person, {}, {}, {}, {}, {}, { ... }
  for i = 1, #words, 4 do given[words[i]] = { words[i + 1], words[i + 2], words[i + 3] } end
  for _, id in ipairs(redis.call('ZRANGE', mine, 0, -1)) do
    local wrong = fault(id)
    local known = (wrong and wrong ~= GONE) or (not wrong and get(id, 'request'))
    if known and not given[id] then
      if wrong or not get(id, 'forgotten') then left[#left + 1] = id end
    elseif known then
      local request, gone, older = unpack(given[id])
      throw(older)
      for key in string.gmatch(older, '%S+') do files[#files + 1] = key end
      if redis.call('TYPE', JOB .. id).ok == 'hash' then
        for _, field in ipairs({ 'picture', 'clips' }) do
          for key in string.gmatch(get(id, field) or '', '%S+') do files[#files + 1] = key end
        end
        places[get(id, 'place') or ''] = true
        lanes[get(id, 'lane') or ''] = true
      end
      if wrong or request == '' then
        set_aside(id, wrong or '', {})
        drop(id)
        redis.call('SET', 'unstill:gone:' .. gone, 1, 'PX', GONE_KEPT)
      else
        set(id, 'gone', gone)
        forget(id, request, outcome)
      end
    end
    if redis.call('EXISTS', JOB .. id) == 0 then redis.call('ZREM', mine, id) end
  end
  forget_names(person, places, lanes)
  redis.call('SET', 'unstill:rewrite', num(NOW))
  return { left, files }
end

-- Of those ids, the ones that are forgotten and whose end has still to be shown.
function op.forgetting(...)
  local found = {}
  for _, id in ipairs({ ... }) do
    if not fault(id) and get(id, 'forgotten') then found[#found + 1] = id end
  end
  return found
end

function op.send(id, sender, lease)
  local state = get(id, 'state')
  local again = state == 'sending' and get(id, 'sender') == sender
  if not ANSWER[state] and not again then return { 'no', state or 'none' } end
  if not again then redis.call('HINCRBY', JOB .. id, 'sends', 1) end
  set(id, 'state', 'sending', 'sender', sender)
  due(id, NOW + lease)
  return { 'ok', 'sending' }
end

function op.unsend(id, sender, delay)
  if get(id, 'state') ~= 'sending' or get(id, 'sender') ~= sender then return { 'lost' } end
  set(id, 'state', get(id, 'result'))
  due(id, NOW + delay)
  return { 'ok' }
end

-- The platform refused the clip's size. Said by its sender, `most` times a job; `job` holds the smaller limit.
function op.refit(id, sender, lane, job, most, wait)
  if get(id, 'refitter') == sender then return { 'ok' } end
  if get(id, 'state') ~= 'sending' or get(id, 'sender') ~= sender then return { 'lost' } end
  if get(id, 'result') ~= 'done' or tonumber(get(id, 'refits') or '0') >= tonumber(most) then return { 'no' } end
  redis.call('HINCRBY', JOB .. id, 'refits', 1)
  set(id, 'refitter', sender)
  line_up_to_shrink(id, lane, job, tonumber(wait))
  return { 'ok' }
end

-- What was shown was shown: a sender whose lease lapsed may still say so, until another one sends.
function op.sent(id, sender, state, receipt, keep)
  if get(id, 'sender') ~= sender then return { 'lost' } end
  if FINAL[get(id, 'state')] then return { 'ok' } end
  set(id, 'receipt', receipt)
  close(id, state, keep)
  return { 'ok' }
end

-- The status message: sent once. Whoever begins and does not report back leaves it unknown for ever.
function op.note_begin(id)
  local note = get(id, 'note')
  if note then return { 'note', note } end
  -- after the answer it would be the last word
  if get(id, 'noting') or get(id, 'outcome') or FINAL[get(id, 'state')] then return { 'unknown' } end
  if redis.call('EXISTS', JOB .. id) == 0 then return { 'unknown' } end
  set(id, 'noting', 1)
  return { 'go' }
end

function op.note_set(id, note)
  if redis.call('EXISTS', JOB .. id) == 0 then return { 'lost' } end
  set(id, 'note', note)
  return { 'ok' }
end

function op.note_clear(id)
  redis.call('HDEL', JOB .. id, 'noting')
  return { 'ok' }
end

local look = {}

-- How often its front end was told says nothing: that may be down, or have many to read before this one.
function look.accepted(id, s)
  if seen(id, 'accepted_seen', 'accepted_at', s.give_up) > s.give_up then return answer(id, 'failed', s.intake_failed) end
  local intakes = redis.call('HINCRBY', JOB .. id, 'intakes', 1)
  tell(id, 'intake')
  due(id, NOW + math.min(60000, 10000 * intakes))
end

function look.queued(id, s)
  if not get(id, 'wait') then set(id, 'wait', num(math.max(0, get(id, 'wait_until') - NOW))) end
  if seen(id, 'queued_seen', 'queued_at', 0) > tonumber(get(id, 'wait')) then
    step_out(id)
    return answer(id, 'failed', s.expired)
  end
  local wakes = redis.call('HINCRBY', JOB .. id, 'wakes', 1)
  due(id, NOW + math.min(300000, 1000 * 2 ^ wakes))
  return not redis.call('ZSCORE', 'unstill:parked:' .. get(id, 'lane'), id)
end

function look.running(id, s)
  local lease = tonumber(get(id, 'lease'))
  if lease > NOW and near(lease) then return due(id, lease) end
  return lapse(id, s.attempts, s.engine_lost)
end

local function given_up(id, s) return seen(id, 'finished_seen', 'finished_at', s.give_up) > s.give_up end

local function look_answer(id, s)
  if given_up(id, s) then return close(id, 'undeliverable', s.keep) end
  local redos = redis.call('HINCRBY', JOB .. id, 'redos', 1)
  tell(id, 'answer')
  due(id, NOW + math.min(60000, 5000 * 2 ^ math.min(redos, 10)))
end
look.done, look.failed, look.cancelled = look_answer, look_answer, look_answer

function look.sending(id, s)
  if given_up(id, s) then return close(id, 'undeliverable', s.keep) end
  set(id, 'state', get(id, 'result'))
  tell(id, 'answer')
  due(id, NOW + 5000)
end

-- Appointments are in the server's time, and where that jumps they move along: nothing due is put off by as much, and no
-- lease is over that nobody could renew. Those made since the jump stay.
local function move(by, at)
  local far = NOW - by / 2
  if by < 0 then
    for _, key in ipairs({ DUE, 'unstill:trash', unpack(redis.call('KEYS', 'unstill:engines:*')) }) do
      local all = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
      for i = 1, #all, 2 do
        local score = tonumber(all[i + 1])
        if score > far then redis.call('ZADD', key, num(score + by), all[i]) end
      end
    end
    local thrown = redis.call('HGETALL', 'unstill:thrown')
    for i = 1, #thrown, 2 do
      if tonumber(thrown[i + 1]) > far then redis.call('HSET', 'unstill:thrown', thrown[i], num(thrown[i + 1] + by)) end
    end
    for _, key in ipairs({ 'unstill:audited', unpack(redis.call('KEYS', 'unstill:leader:*')) }) do
      local left = redis.call('PTTL', key)
      if left > -by / 2 then redis.call('PEXPIRE', key, num(math.max(1, left + by))) end
    end
  end
  for _, key in ipairs(redis.call('KEYS', 'unstill:running:*')) do
    local all = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
      local id, ends = all[i], tonumber(all[i + 1])
      if by < 0 and ends > far or by > 0 and ends <= NOW then redis.call('ZADD', key, num(ends + by), id) end
      local lease = not fault(id) and tonumber(get(id, 'lease'))
      if lease and (by < 0 and lease > far or by > 0 and lease > at and lease <= NOW) then
        set(id, 'lease', num(NOW + LEASE_LEFT), 'started_at', num(math.min(NOW, get(id, 'started_at') + by)))
        due(id, NOW + LEASE_LEFT)
      end
    end
  end
end

local function watch()
  local at = tonumber(redis.call('HGET', 'unstill:watched', 'at') or num(NOW - 1000))
  local passed = NOW - at
  if passed > WENT_BACK and passed < 1000 then return end
  redis.call('HSET', 'unstill:watched', 'at', num(NOW), 'ms', num(watched() + math.max(0, math.min(passed, TICK))))
  if passed <= WENT_BACK or passed > WENT_ON then move(passed, at) end
end

-- What nobody foresaw in one record stops that one alone. The server's own trouble (no memory, a replica) is not its.
local function by_itself(id, bad, act, s)
  local ok, answer = pcall(act, id, s)
  if ok then return answer end
  local said = type(answer) == 'table' and answer.err or tostring(answer)
  for _, own in ipairs({ 'WRONGTYPE', 'attempt to', 'bad argument', 'is not an integer', 'is not a float' }) do
    if string.find(said, own, 1, true) then return set_aside(id, said, bad) end
  end
  error(answer, 0)
end

function op.reap(limit, attempts, give_up, keep, engine_lost, expired, intake_failed)
  local s = { attempts = tonumber(attempts), give_up = tonumber(give_up), keep = tonumber(keep),
    engine_lost = engine_lost, expired = expired, intake_failed = intake_failed }
  local wakes, bad = {}, {}
  watch()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', num(NOW), 'LIMIT', 0, limit)) do
    local wrong = fault(id)
    local state = not wrong and get(id, 'state')
    if wrong then
      set_aside(id, wrong, bad)
    elseif not look[state] then
      redis.call('ZREM', DUE, id)
    elseif by_itself(id, bad, look[state], s) then
      for _, word in ipairs({ id, get(id, 'lane'), get(id, 'attempt') }) do wakes[#wakes + 1] = word end
    end
  end
  return { wakes, bad }
end

function op.index(...)
  local lost, bad = {}, {}
  for _, id in ipairs({ ... }) do
    local wrong = fault(id)
    local known = wrong == GONE or redis.call('ZSCORE', UNREADABLE, id)
    if wrong and not known then
      set_aside(id, wrong, bad)
    elseif not known and not FINAL[get(id, 'state')] and not near(redis.call('ZSCORE', DUE, id)) then
      due(id, NOW)
      lost[#lost + 1] = id
    end
  end
  return { lost, bad }
end

-- Quotas in use and work that waits, counted anew: another version of this program may have counted otherwise.
function op.recount()
  tidy()
  return { 'ok' }
end

-- What a program cannot decode.
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

-- Files to delete now. Who is given them and dies is followed by another after `lease`.
function op.trash(limit, lease)
  local keys = redis.call('ZRANGEBYSCORE', 'unstill:trash', '-inf', num(NOW), 'LIMIT', 0, limit)
  for _, key in ipairs(keys) do redis.call('ZADD', 'unstill:trash', num(NOW + lease), key) end
  return keys
end

-- They are deleted. Again a little later, and less and less often, as their bytes may have been on their way.
function op.trashed(...)
  for _, key in ipairs({ ... }) do
    local age = NOW - tonumber(redis.call('HGET', 'unstill:thrown', key) or '0')
    if age < TRASH_KEPT then
      redis.call('ZADD', 'unstill:trash', num(NOW + math.max(2000, age)), key)
    else
      redis.call('ZREM', 'unstill:trash', key)
      redis.call('HDEL', 'unstill:thrown', key)
    end
  end
  return { 'ok' }
end

-- What is deleted from a stream, or trimmed, stays in the memory of its node and so in the server's file until the
-- whole node goes. Written anew, the stream holds what can be read of it about jobs that are on record, and nothing
-- else; its readers go on.
function op.compact(stream)
  if redis.call('EXISTS', stream) == 0 then return { 'none' } end
  local groups, last = {}, nil
  local about = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #about, 2 do
    if about[i] == 'last-generated-id' then last = about[i + 1] end
  end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local known = {}
    for i = 1, #group, 2 do known[group[i]] = group[i + 1] end
    groups[known['name']] = known['last-delivered-id']
  end
  local entries = redis.call('XRANGE', stream, '-', '+')
  redis.call('DEL', stream)
  local written
  for _, entry in ipairs(entries) do
    -- the first field of each is its job's id
    if redis.call('EXISTS', JOB .. entry[2][2]) == 1 then
      redis.call('XADD', stream, entry[1], unpack(entry[2]))
      written = entry[1]
    end
  end
  if last ~= '0-0' and written ~= last then
    -- ids go up for ever, as readers say after which one they go on
    redis.call('XADD', stream, last, 'id', '')
    redis.call('XDEL', stream, last)
  end
  for name, delivered in pairs(groups) do redis.call('XGROUP', 'CREATE', stream, name, delivered, 'MKSTREAM') end
  return { 'ok' }
end

-- Whoever asked for the server's file to be written anew at `asked` or before need not ask again.
function op.rewritten(asked)
  if redis.call('GET', 'unstill:rewrite') == asked then redis.call('DEL', 'unstill:rewrite') end
  return { 'ok' }
end

-- Reading. Jobs ahead in the same place are counted account by account, other places by their mean cost, so the
-- answer is exact for jobs of one cost, but where somebody waits in several chats with others, and takes time in
-- accounts and chats, not in jobs.

-- `first`: equal tags go by name, and theirs is the lesser one.
local function ahead(tag, limit, work, count, first)
  if count == 0 or work <= 0 then return 0, 0 end
  local mean = work / count
  local n = math.ceil((limit - tag) / mean)
  if first and tag + n * mean == limit then n = n + 1 end
  n = math.max(0, math.min(count, n))
  return n, n * mean
end

-- Other accounts of the same place, but for those that have to wait for what they have elsewhere.
local function among_accounts(k, limit, place_tag)
  local jobs, seconds = 0, 0
  local all = redis.call('ZRANGEBYSCORE', k.places, '-inf', num(limit), 'WITHSCORES')
  for i = 1, #all, 2 do
    if all[i] ~= k.account and entitled(k.name, all[i]) <= place_tag then
      local field = 'p|' .. k.place .. '|' .. all[i]
      local count = tonumber(redis.call('HGET', k.work, 'n' .. field) or '0')
      local work = tonumber(redis.call('HGET', k.work, field) or '0')
      local n, s = ahead(tonumber(all[i + 1]), limit, work, count, all[i] < k.account)
      jobs, seconds = jobs + n, seconds + s
    end
  end
  return jobs, seconds
end

-- The account of a place where nobody else waits.
local function alone_in(lane_key, place)
  local accounts = redis.call('ZRANGE', lane_key .. '|' .. place, 0, 1)
  return #accounts == 1 and accounts[1] or nil
end

-- Other places; those of one account that is alone in them count as one. `own`: those of the asker alone, or none of them.
local function among_places(k, limit, asker, own)
  local flows = {}
  local all = redis.call('ZRANGEBYSCORE', k.lane, '-inf', num(limit), 'WITHSCORES')
  for i = 1, #all, 2 do
    local account = alone_in(k.lane, all[i])
    if all[i] ~= k.place and (asker ~= nil and account == asker) == own then
      local name, tag = account or 'c|' .. all[i], tonumber(all[i + 1])
      if account then tag = math.max(tag, entitled(k.name, account)) end
      local flow = flows[name] or { tag = tag, count = 0, work = 0, first = all[i] < k.place }
      flow.tag = math.min(flow.tag, tag)
      flow.count = flow.count + tonumber(redis.call('HGET', k.work, 'nc|' .. all[i]) or '0')
      flow.work = flow.work + tonumber(redis.call('HGET', k.work, 'c|' .. all[i]) or '0')
      flows[name] = flow
    end
  end
  local jobs, seconds = 0, 0
  for _, flow in pairs(flows) do
    local n, s = ahead(flow.tag, limit, flow.work, flow.count, flow.first)
    jobs, seconds = jobs + n, seconds + s
  end
  return jobs, seconds
end

function op.position(id, alive)
  local state = get(id, 'state')
  if not state then return { 'none' } end
  local lane = get(id, 'lane')
  if not lane then return { state, 0, '0', '0', 0, '1' } end
  local left = 0
  local running = redis.call('ZRANGE', 'unstill:running:' .. lane, 0, -1, 'WITHSCORES')
  for i = 2, #running, 2 do left = left + math.max(0, tonumber(running[i]) - NOW) / 1000 end
  local engines = redis.call('ZCOUNT', 'unstill:engines:' .. lane, num(NOW - alive), '+inf')
  local rate = redis.call('HGET', 'unstill:rate', lane) or '1'
  if state ~= 'queued' then return { state, 0, '0', num(left), engines, rate } end
  local k = turn_keys(id)
  if redis.call('ZSCORE', 'unstill:parked:' .. lane, id) then return { state, 0, '0', '0', engines, rate, 'parked' } end
  local own = redis.call('ZRANK', k.line, id)
  -- an index that was damaged, not the record: nobody can say how many are ahead
  if not own or not redis.call('ZSCORE', k.places, k.account) or not redis.call('ZSCORE', k.lane, k.place) then
    return { state, 0, '0', num(left), engines, rate }
  end
  local own_field = 'p|' .. k.place .. '|' .. k.account
  local own_mean = tonumber(redis.call('HGET', k.work, own_field)) / tonumber(redis.call('HGET', k.work, 'n' .. own_field))
  local account_tag = tonumber(redis.call('ZSCORE', k.places, k.account)) + own * own_mean
  local place_tag, alone = tonumber(redis.call('ZSCORE', k.lane, k.place)), alone_in(k.lane, k.place)
  local jobs, seconds = among_accounts(k, account_tag, place_tag)
  jobs, seconds = jobs + own, seconds + own * own_mean
  if alone then
    place_tag = math.max(place_tag, entitled(k.name, alone))
    local n, s = among_places(k, place_tag + seconds, alone, true)
    jobs, seconds = jobs + n, seconds + s
  end
  local others, others_seconds = among_places(k, place_tag + seconds, alone, false)
  return { state, jobs + others + 1, num(seconds + others_seconds), num(left), engines, rate }
end

function op.engine(name, lane, info)
  redis.call('ZADD', 'unstill:engines:' .. lane, num(NOW), name)
  redis.call('SADD', 'unstill:lanes', lane)
  redis.call('SET', 'unstill:engine:' .. name, info, 'PX', 15000)
  redis.call('ZREMRANGEBYSCORE', 'unstill:engines:' .. lane, '-inf', num(NOW - DAY))
  return { 'ok' }
end

function op.engine_gone(name, lane)
  redis.call('ZREM', 'unstill:engines:' .. lane, name)
  redis.call('DEL', 'unstill:engine:' .. name)
  return { 'ok' }
end

local ABOUT_ONE = {}
for _, name in ipairs({ 'picture', 'queue', 'refuse', 'beat', 'clip', 'finish', 'release', 'retry', 'park', 'cancel', 'send',
  'unsend', 'refit', 'sent', 'note_begin', 'note_set', 'note_clear', 'position' }) do ABOUT_ONE[name] = true end

if ABOUT_ONE[ARGV[1]] then
  local wrong = fault(ARGV[2])
  if wrong and wrong ~= GONE then
    set_aside(ARGV[2], wrong, {})
    tidy()
    return { 'unreadable', ARGV[2], wrong }
  end
end
local reply = op[ARGV[1]](unpack(ARGV, 2))
if aside[1] then tidy() end
return reply
