-- Every change of a job's state, and nothing else changes one. ARGV[1] names the transition.
-- Time is Redis' own TIME, so the clocks of bots and engines do not matter. Keys are made here from
-- ids, which a Redis Cluster would not allow; one Redis holds the ledger.
--
-- unstill:job:<id>               hash, the record
-- unstill:due                    zset id -> ms: when somebody must look again. Every job that is not final stands here
-- unstill:turn:<lane>            zset place -> virtual start tag      (places with queued jobs)
-- unstill:turn:<lane>|<place>    zset person -> virtual start tag     (persons with queued jobs there)
-- unstill:turn:<lane>|<place>|<person>  zset id -> sequence           (that person's line)
-- unstill:clock:<lane>[|<place>] hash: v = virtual time, f|<name> = finish tag of one that left
-- unstill:work:<lane>            hash: queued seconds and jobs by place and person
-- unstill:running:<lane>         zset id -> ms when it should end
-- unstill:jobs, unstill:seconds:<day>   hashes: quotas in use, by person (p|) and place (c|)
-- unstill:outbox:<platform>, unstill:progress:<platform>  streams

local JOB, DUE = 'unstill:job:', 'unstill:due'
local FINAL = { sent = true, undeliverable = true }
local ANSWER = { done = true, failed = true, cancelled = true }
local DAY = 86400000
-- a client may repeat a claim whose answer was lost for as long as its patience with a server that is away
local CLAIM_KNOWN = 3600000
-- requests that are listed under their person
local MINE_MOST = 2000

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local NOW = now()

local function num(x) return string.format('%.17g', x) end
local function get(id, field) return redis.call('HGET', JOB .. id, field) or nil end
local function set(id, ...) redis.call('HSET', JOB .. id, ...) end
local function due(id, at) redis.call('ZADD', DUE, num(at), id) end

local function tell(id, kind)
  redis.call('XADD', 'unstill:outbox:' .. get(id, 'platform'), 'MAXLEN', '~', 100000, '*', 'id', id, 'kind', kind)
end

local function show(id, kind, body)
  redis.call('XADD', 'unstill:progress:' .. get(id, 'platform'), 'MAXLEN', '~', 10000, '*', 'id', id, 'kind', kind,
    'place', get(id, 'place'), 'body', body or '')
end

-- Whose turn it is: start-time fair queueing (Goyal, Vin, Cheng 1996) over places, and within a place over
-- persons, in estimated seconds. Decided when an engine asks: a score fixed at submission cannot be fair on both levels.

local function turn_keys(id)
  local r = redis.call('HMGET', JOB .. id, 'lane', 'place', 'person', 'cost')
  local lane, place, person = 'unstill:turn:' .. r[1], r[2], r[3]
  return {
    name = r[1], place = place, person = person, cost = tonumber(r[4]),
    lane = lane, places = lane .. '|' .. place, line = lane .. '|' .. place .. '|' .. person,
    lane_clock = 'unstill:clock:' .. r[1], place_clock = 'unstill:clock:' .. r[1] .. '|' .. place,
    work = 'unstill:work:' .. r[1],
  }
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
  local tag = redis.call('ZSCORE', set_key, name)
  redis.call('ZREM', set_key, name)
  if redis.call('ZCARD', set_key) == 0 then
    redis.call('DEL', clock)
  else
    redis.call('HSET', clock, 'f|' .. name, tag)
    if redis.call('HLEN', clock) > 4096 then
      local v = tonumber(redis.call('HGET', clock, 'v') or '0')
      local all = redis.call('HGETALL', clock)
      for i = 1, #all, 2 do
        if all[i] ~= 'v' and tonumber(all[i + 1]) <= v then redis.call('HDEL', clock, all[i]) end
      end
    end
  end
end

local function count_work(k, sign)
  for _, field in ipairs({ 'c|' .. k.place, 'p|' .. k.place .. '|' .. k.person }) do
    if redis.call('HINCRBY', k.work, 'n' .. field, sign) <= 0 then
      redis.call('HDEL', k.work, 'n' .. field, field)
    else
      redis.call('HINCRBYFLOAT', k.work, field, num(sign * k.cost))
    end
  end
end

local function line_up(id, front)
  local k = turn_keys(id)
  local sequence = redis.call('INCR', 'unstill:sequence')
  enter(k.lane, k.lane_clock, k.place, sequence)
  enter(k.places, k.place_clock, k.person, sequence)
  if front then
    local first = redis.call('ZRANGE', k.line, 0, 0, 'WITHSCORES')
    redis.call('ZADD', k.line, first[2] and num(tonumber(first[2]) - 1) or sequence, id)
  else
    redis.call('ZADD', k.line, sequence, id)
  end
  count_work(k, 1)
end

local function step_out(id)
  local k = turn_keys(id)
  if redis.call('ZREM', k.line, id) == 0 then return end
  count_work(k, -1)
  if redis.call('ZCARD', k.line) == 0 then
    leave(k.places, k.place_clock, k.person)
    if redis.call('ZCARD', k.places) == 0 then leave(k.lane, k.lane_clock, k.place) end
  end
end

local function next_in(lane)
  local key = 'unstill:turn:' .. lane
  local place = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if not place[1] then return nil end
  local person = redis.call('ZRANGE', key .. '|' .. place[1], 0, 0, 'WITHSCORES')
  local id = redis.call('ZRANGE', key .. '|' .. place[1] .. '|' .. person[1], 0, 0)[1]
  local k = turn_keys(id)
  -- a job that comes back after a crash has been charged to its person before
  local charge = get(id, 'charged') and 0 or k.cost
  set(id, 'charged', 1)
  redis.call('HSET', k.lane_clock, 'v', place[2])
  redis.call('HSET', k.place_clock, 'v', person[2])
  redis.call('ZADD', k.lane, num(tonumber(place[2]) + charge), k.place)
  redis.call('ZADD', k.places, num(tonumber(person[2]) + charge), k.person)
  step_out(id)
  return id
end

-- Quotas: jobs queued or running, and seconds by UTC day.

local function over_quota(person, place, cost, limits)
  local seconds = 'unstill:seconds:' .. math.floor(NOW / DAY)
  local checks = {
    { 'jobs', 'person', 'unstill:jobs', 'p|' .. person, 1, limits[1] },
    { 'jobs', 'chat', 'unstill:jobs', 'c|' .. place, 1, limits[2] },
    { 'seconds', 'person', seconds, 'p|' .. person, cost, limits[3] },
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
  local r = redis.call('HMGET', JOB .. id, 'person', 'place')
  charge('unstill:jobs', 'p|' .. r[1], by)
  charge('unstill:jobs', 'c|' .. r[2], by)
end

local function reserve(id)
  local r = redis.call('HMGET', JOB .. id, 'person', 'place', 'cost', 'day')
  count_jobs(id, 1)
  local key = 'unstill:seconds:' .. r[4]
  charge(key, 'p|' .. r[1], tonumber(r[3]))
  charge(key, 'c|' .. r[2], tonumber(r[3]))
  redis.call('PEXPIRE', key, 3 * DAY)
end

local function give_back(id, seconds_too)
  local r = redis.call('HMGET', JOB .. id, 'person', 'place', 'cost', 'day')
  if not r[4] then return end
  count_jobs(id, -1)
  local key = 'unstill:seconds:' .. r[4]
  if seconds_too and redis.call('EXISTS', key) == 1 then
    charge(key, 'p|' .. r[1], -tonumber(r[3]))
    charge(key, 'c|' .. r[2], -tonumber(r[3]))
  end
end

-- Where a job goes next.

-- Of a job that its person had forgotten, nothing stays that is not needed for what is still to happen.
local function strip(id, fields)
  if get(id, 'forgotten') then redis.call('HDEL', JOB .. id, unpack(fields)) end
end

local function answer(id, result, outcome)
  give_back(id, result ~= 'done')
  strip(id, { 'job', 'made' })
  local lane = get(id, 'lane')
  if lane then redis.call('ZREM', 'unstill:running:' .. lane, id) end
  redis.call('HDEL', JOB .. id, 'progress')
  set(id, 'state', result, 'result', result, 'outcome', outcome, 'finished_at', num(NOW), 'redos', 0)
  due(id, NOW + 5000)
  tell(id, 'answer')
end

-- The state stays, so that the same update seen again is no new request, and the tokens of those who may repeat
-- themselves.
local STAYS = { state = true, sender = true, finisher = true, refitter = true }

local function strip_all(id)
  local fields = {}
  for _, field in ipairs(redis.call('HKEYS', JOB .. id)) do
    if not STAYS[field] then fields[#fields + 1] = field end
  end
  strip(id, fields)
end

local function close(id, state, keep)
  set(id, 'state', state, 'ended_at', num(NOW))
  strip_all(id)
  redis.call('ZREM', DUE, id)
  redis.call('PEXPIRE', JOB .. id, num(keep))
end

local function requeue(id)
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
-- makes it smaller. It counts as a job in hand again; its seconds stay charged.
local function line_up_to_shrink(id, lane, job, wait)
  set(id, 'state', 'queued', 'lane', lane, 'job', job, 'made', get(id, 'outcome'), 'attempt', 1, 'wakes', 0,
    'wait_until', num(NOW + wait))
  redis.call('HDEL', JOB .. id, 'outcome', 'result', 'sender', 'charged')
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

function op.accept(id, platform, person, place, request, grace)
  local state = get(id, 'state')
  if state then return { 'seen', state } end
  set(id, 'state', 'accepted', 'platform', platform, 'person', person, 'place', place, 'request', request,
    'accepted_at', num(NOW), 'intakes', 0)
  due(id, NOW + tonumber(grace))
  local mine = 'unstill:mine:' .. person
  redis.call('ZADD', mine, num(NOW), id)
  redis.call('ZREMRANGEBYRANK', mine, 0, -1 - MINE_MOST)
  redis.call('PEXPIRE', mine, 30 * DAY)
  return { 'accepted', 'accepted' }
end

function op.queue(id, lane, cost, job, wait, person_jobs, chat_jobs, person_seconds, chat_seconds)
  local state = get(id, 'state')
  if state ~= 'accepted' then return { 'already', state or 'none' } end
  local limits = { tonumber(person_jobs), tonumber(chat_jobs), tonumber(person_seconds), tonumber(chat_seconds) }
  local over = over_quota(get(id, 'person'), get(id, 'place'), tonumber(cost), limits)
  if over then return over end
  set(id, 'state', 'queued', 'lane', lane, 'cost', cost, 'job', job, 'day', math.floor(NOW / DAY), 'attempt', 1,
    'wakes', 0, 'queued_at', num(NOW), 'wait_until', num(NOW + tonumber(wait)))
  reserve(id)
  line_up(id)
  due(id, NOW + 1000)
  return { 'queued', 'queued' }
end

function op.refuse(id, outcome)
  local state = get(id, 'state')
  if state ~= 'accepted' then return { 'already', state or 'none' } end
  answer(id, 'failed', outcome)
  return { 'ok' }
end

function op.claim(lane, owner, lease, engine)
  -- an owner token is used for one claim; when the answer was lost, the same token gets the same job
  local before = redis.call('GET', 'unstill:claim:' .. owner)
  if before and holds(before, owner) == 'running' then
    return { before, get(before, 'job'), get(before, 'attempt'), get(before, 'made') or '' }
  end
  local id = next_in(lane)
  if not id then return {} end
  run(id, owner, tonumber(lease), engine)
  redis.call('SET', 'unstill:claim:' .. owner, id, 'PX', CLAIM_KNOWN)
  return { id, get(id, 'job'), get(id, 'attempt'), get(id, 'made') or '' }
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

function op.finish(id, owner, result, outcome, seconds)
  local held = holds(id, owner)
  if not held then return { get(id, 'finisher') == owner and 'ok' or 'lost' } end
  if held == 'lapsed' then step_out(id) end
  set(id, 'finisher', owner)
  redis.call('HDEL', JOB .. id, 'owner', 'lapsed')
  if get(id, 'cancel') then
    answer(id, 'cancelled', get(id, 'cancel'))
    return { 'ok' }
  end
  answer(id, result, outcome)
  if result == 'done' then
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
  return { 'ok', get(id, 'lane'), get(id, 'attempt') }
end

function op.retry(id, owner, attempts, outcome)
  if holds(id, owner) ~= 'running' then return { 'lost' } end
  local again = lapse(id, tonumber(attempts), outcome)
  redis.call('HDEL', JOB .. id, 'lapsed')
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

local function forget(id, request, outcome)
  local state = get(id, 'state')
  set(id, 'forgotten', 1)
  if FINAL[state] then return strip_all(id) end
  set(id, 'request', request)
  if op.cancel(id, outcome)[1] == 'late' then
    -- an outcome that was filed and not shown; what its render cost stays charged
    set(id, 'result', 'cancelled', 'outcome', outcome)
    if state ~= 'sending' then set(id, 'state', 'cancelled') end
    strip(id, { 'job', 'made' })
  end
end

-- All that a person asked for. The pairs are an id and its request without words and picture; what came since
-- the caller looked is returned, to be given next time.
function op.forget(person, outcome, ...)
  local mine, left, bare, pairs_given = 'unstill:mine:' .. person, {}, {}, { ... }
  for i = 1, #pairs_given, 2 do bare[pairs_given[i]] = pairs_given[i + 1] end
  for _, id in ipairs(redis.call('ZRANGE', mine, 0, -1)) do
    local known = get(id, 'request')
    if known and not bare[id] then
      left[#left + 1] = id
    else
      if known then forget(id, bare[id], outcome) end
      redis.call('ZREM', mine, id)
    end
  end
  return left
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
  if NOW - tonumber(get(id, 'accepted_at')) > s.give_up then return answer(id, 'failed', s.intake_failed) end
  local intakes = redis.call('HINCRBY', JOB .. id, 'intakes', 1)
  tell(id, 'intake')
  due(id, NOW + math.min(60000, 10000 * intakes))
end

function look.queued(id, s)
  if NOW > tonumber(get(id, 'wait_until')) then
    step_out(id)
    return answer(id, 'failed', s.expired)
  end
  local wakes = redis.call('HINCRBY', JOB .. id, 'wakes', 1)
  due(id, NOW + math.min(300000, 1000 * 2 ^ wakes))
  return true
end

function look.running(id, s)
  local lease = tonumber(get(id, 'lease'))
  if lease > NOW then return due(id, lease) end
  return lapse(id, s.attempts, s.engine_lost)
end

local function given_up(id, s) return NOW - tonumber(get(id, 'finished_at')) > s.give_up end

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

function op.reap(limit, attempts, give_up, keep, engine_lost, expired, intake_failed)
  local s = { attempts = tonumber(attempts), give_up = tonumber(give_up), keep = tonumber(keep),
    engine_lost = engine_lost, expired = expired, intake_failed = intake_failed }
  local wakes = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', num(NOW), 'LIMIT', 0, limit)) do
    local state = get(id, 'state')
    if not look[state] then
      redis.call('ZREM', DUE, id)
    elseif look[state](id, s) then
      for _, word in ipairs({ id, get(id, 'lane'), get(id, 'attempt') }) do wakes[#wakes + 1] = word end
    end
  end
  return wakes
end

function op.index(...)
  local lost = {}
  for _, id in ipairs({ ... }) do
    local state = get(id, 'state')
    if state and not FINAL[state] and not redis.call('ZSCORE', DUE, id) then
      due(id, NOW)
      lost[#lost + 1] = id
    end
  end
  return lost
end

-- Reading. Jobs ahead in the same place are counted person by person, other places by their mean cost, so
-- the answer is exact for jobs of one cost and takes time in people and chats, not in jobs.

local function ahead(tag, limit, work, count)
  if count == 0 or work <= 0 then return 0, 0 end
  local mean = work / count
  local n = math.max(0, math.min(count, math.ceil((limit - tag) / mean)))
  return n, n * mean
end

local function among(set_key, own, limit, work_key, prefix)
  local jobs, seconds = 0, 0
  local all = redis.call('ZRANGEBYSCORE', set_key, '-inf', num(limit), 'WITHSCORES')
  for i = 1, #all, 2 do
    if all[i] ~= own then
      local count = tonumber(redis.call('HGET', work_key, 'n' .. prefix .. all[i]) or '0')
      local work = tonumber(redis.call('HGET', work_key, prefix .. all[i]) or '0')
      local n, s = ahead(tonumber(all[i + 1]), limit, work, count)
      jobs, seconds = jobs + n, seconds + s
    end
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
  local own = redis.call('ZRANK', k.line, id)
  local own_field = 'p|' .. k.place .. '|' .. k.person
  local own_mean = tonumber(redis.call('HGET', k.work, own_field)) / tonumber(redis.call('HGET', k.work, 'n' .. own_field))
  local person_tag = tonumber(redis.call('ZSCORE', k.places, k.person)) + own * own_mean
  local jobs, seconds = among(k.places, k.person, person_tag, k.work, 'p|' .. k.place .. '|')
  jobs, seconds = jobs + own, seconds + own * own_mean
  local place_tag = tonumber(redis.call('ZSCORE', k.lane, k.place)) + seconds
  local others, others_seconds = among(k.lane, k.place, place_tag, k.work, 'c|')
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

return op[ARGV[1]](unpack(ARGV, 2))
